"""The configuration outside of Snakemake: config/config.yaml, and overlays over it; what an overlay must be."""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from plan.config.renamed import current
from program.cli import UserError

HINT = "config/README.md says what it may have"
# Keys and values of a file, aliases written out, and how deep they may be nested.
MOST, DEEPEST = 20_000, 50
PROJECT = Path(__file__).resolve().parents[3]


def add_overlays(parser: argparse.ArgumentParser) -> None:
    """Add the option for the overlays that `configured` takes, under the name of Snakemake's."""
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="overlays of the run's configuration")


def configured(overlays: Sequence[Path] = ()) -> dict[str, Any]:
    """The configuration as Snakemake merges it with overlays, the last over the others, in the keys of this version.

    It is not checked. Raises UserError when a file cannot be read.
    """
    config = mapping(PROJECT / "config" / "config.yaml")
    for overlay in overlays:
        update_config(config, mapping(overlay))
    return current(config)[0]


def placed(config: dict[str, Any], root: Path) -> dict[str, Any]:
    """A configuration for another working directory: files of the model that `root` lacks are those of the project."""
    model = config.get("model")
    if not isinstance(model, dict):
        return config
    found = {
        key: os.path.relpath(PROJECT / name, root)
        for key in ("file", "onnx", "weights", "requirements")
        if isinstance(name := model.get(key), str) and not (root / name).exists() and (PROJECT / name).is_file()
    }
    return config | {"model": model | found}


def mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises UserError, with the line, if there is none or a key is given twice."""
    try:
        return _mapping(path)
    except FileNotFoundError as error:
        raise UserError(f"configuration {path} does not exist.", "correct --configfile path/to/overlay.yaml") from error
    except OSError as error:
        raise UserError(f"configuration {path} cannot be read: {error.strerror}.", "give a file of YAML") from error
    except UnicodeDecodeError as error:
        raise UserError(f"configuration {path} is not text in UTF-8.", "save it in this encoding") from error
    except yaml.YAMLError as error:
        line = (
            f":{error.problem_mark.line + 1}" if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else ""
        )
        what = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"configuration {path}{line}: {what}.", "correct this line; indent with spaces") from error
    except RecursionError as error:
        raise UserError(f"configuration {path} is nested too deep.", HINT) from error
    except ValueError as error:
        # A date that is in no calendar, or a number longer than Python converts.
        what = str(error).partition(";")[0]
        raise UserError(f"configuration {path} has an impossible value: {what}.", HINT) from error


def _mapping(path: Path) -> dict[str, Any]:
    loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
    node = loader.get_single_node()
    if not _finite(node):
        what = f"configuration {path} has more than {MOST} values, or is nested deeper than {DEEPEST}."
        raise UserError(what, "an anchor must not refer to itself")
    content = loader.construct_document(node) if node else None
    if content is None:
        raise UserError(f"configuration {path} is empty.", HINT)
    if not isinstance(content, dict):
        raise UserError(f"configuration {path} is not a YAML mapping.", HINT)
    for key in _given_twice(node):
        what = f"configuration {path}:{key.start_mark.line + 1}: {key.value} is given twice."
        raise UserError(what, "merge the two, or remove one")
    json.dumps(content, default=str, skipkeys=True)  # a ValueError for a number that cannot be written again
    return content


def _finite(root: yaml.Node | None) -> bool:
    """Whether the file ends where its aliases are written out, and within the limits."""
    waiting = [(root, 0)]
    for _ in range(MOST):
        if not waiting:
            return True
        node, depth = waiting.pop()
        if depth > DEEPEST:
            return False
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        waiting += [(one, depth + 1) for part in inner for one in (part if isinstance(part, tuple) else (part,))]
    return not waiting


def _given_twice(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """The keys that the same mapping has already."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key
                seen.add(key.value)
            yield from _given_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _given_twice(value)
