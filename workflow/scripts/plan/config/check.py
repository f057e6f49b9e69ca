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
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise _refused(explained(error)) from None
    problems = [
        *check_model(config, root),
        *check_shapes(config),
        *check_serving(config),
        *check_figures(config, root),
        *check_tune(config),
    ]
    if problems:
        raise _refused(problems)
    return config


def _refused(problems: Iterable[Problem]) -> UserError:
    return UserError("\n".join(dict.fromkeys(map(str, problems))))
