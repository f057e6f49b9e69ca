"""A rule's script as a program: one dataclass names what it is given, and is what its `main` receives.

Its fields are the names that the rule gives its inputs and outputs: `Annotated[Path, "what it is"]`. A field that is
`… | None`, a list or has a default may be left out; one that is a dataclass is given as JSON.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from program import cli
from program.typed import rebuilt, without_note

Job = TypeVar("Job")


def run(main: Callable[[Job], None], job: type[Job], description: str | None) -> None:
    """Run `main` with the job that the command line describes; log and exit codes as in cli.run."""
    cli.run(lambda options: main(_job(job, options)), parser(job, description), quiet=True)


def parser(job: type[Any], description: str | None) -> argparse.ArgumentParser:
    """The options that make a job: `--<field>` for every field, and `--log`."""
    result = cli.parser(description)
    types = get_type_hints(job, include_extras=True)
    for field in fields(job):
        notes = get_args(types[field.name])[1:] if without_note(types[field.name]) is not types[field.name] else ()
        result.add_argument(option(field.name), help=" ".join(notes), **_reading(types[field.name], field))
    return result


def option(field: str) -> str:
    """The option of the command line that gives a field."""
    return f"--{field.replace('_', '-')}"


def _job(job: type[Job], options: argparse.Namespace) -> Job:
    return job(**{field.name: getattr(options, field.name) for field in fields(job)})  # type: ignore[arg-type]


def _reading(noted: Any, field: Any) -> dict[str, Any]:
    """How argparse reads one field."""
    kind = without_note(noted)
    if is_dataclass(kind):
        return {"type": _from_json(kind), "required": True, "metavar": "JSON"}
    if get_origin(kind) is list:
        return {"type": get_args(kind)[0], "nargs": "*", "default": []}
    if NoneType in get_args(kind):
        return {"type": next(one for one in get_args(kind) if one is not NoneType)}
    if field.default is MISSING:
        return {"type": kind, "required": True}
    return {"type": kind, "default": field.default}


def _from_json(kind: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return rebuilt(kind, json.loads(text))
        except json.JSONDecodeError as error:
            raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
        except ValueError as error:
            names = ", ".join(field.name for field in fields(kind))
            raise argparse.ArgumentTypeError(f"{error}. Hint: the keys are {names}") from error

    return read
