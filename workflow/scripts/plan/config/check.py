"""All checks of a configuration before the first job: first its models, then what it means."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from plan.config.check_model import check_model
from plan.config.check_serving import check_figures, check_serving
from plan.config.check_shapes import check_shapes
from plan.config.check_tune import check_tune
from plan.config.problems import Problem, explained
from plan.config.whole import Config
from program.cli import UserError


def checked(raw: Mapping[str, Any], root: Path) -> Config:
    """The configuration, typed; relative paths in it begin at `root`. Raises UserError, a line for each problem."""
    config = checked_types(raw)
    if found := problems(config, root):
        raise _refused(found)
    return config


def checked_types(raw: Mapping[str, Any]) -> Config:
    """The configuration, typed, before anything in it is compared. Raises UserError, a line for each problem."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise _refused(explained(error)) from None


def problems(config: Config, root: Path) -> list[Problem]:
    """What is wrong with a configuration whose keys and types are right."""
    return [
        *check_model(config, root),
        *check_shapes(config),
        *check_serving(config),
        *check_figures(config, root),
        *check_tune(config),
    ]


def _refused(problems: Iterable[Problem]) -> UserError:
    return UserError("\n".join(dict.fromkeys(map(str, problems))))
