"""All checks of a configuration before the first job: first its models, then what it means."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from plan.config import check_model, check_serving, check_shapes, check_tune
from plan.config.problems import Check, Problem, explained
from plan.config.values import IllFormed, well_formed
from plan.config.whole import Config
from program.cli import UserError

CHECKS: tuple[Check, ...] = (
    *check_model.CHECKS,
    *check_shapes.CHECKS,
    *check_serving.CHECKS,
    *check_tune.CHECKS,
)


def checked(raw: Mapping[str, Any], root: Path) -> Config:
    """The configuration, typed; relative paths in it begin at `root`. Raises UserError, a line for each problem."""
    found: list[Problem] = []
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        found += explained(error)
        config = well_formed(Config, raw)
    found += problems(config, root)
    if found:
        raise UserError("\n".join(dict.fromkeys(map(str, found))))
    return config


def problems(config: Config, root: Path) -> list[Problem]:
    """What is wrong across the keys of a configuration, where they are well-formed."""
    return [problem for check in CHECKS for problem in _found(check(config, root))]


def _found(problems: Iterable[Problem]) -> Iterator[Problem]:
    """What a check finds, until it needs a value that is not well-formed."""
    try:
        yield from problems
    except IllFormed:
        return
