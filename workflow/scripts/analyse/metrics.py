"""Further figures of a model, which its model file computes from the throughput: seconds of speech per second, say."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analyse.summary import SUMMARY_COLUMNS
from model import shapes
from program.cli import UserError

Metrics = Callable[[shapes.Shapes, float], Mapping[str, float]]


def added(summary: pd.DataFrame, metrics: Metrics, sample: str, model_file: Path) -> pd.DataFrame:
    """The summary with a column for each metric, missing where a row has no throughput.

    `metrics`: that of the model file. `sample`: the shape of a sample where a row names none, as all axes are fixed.
    Raises UserError when it fails, or gives anything but finite numbers under the same new names for every row.
    """
    found = [_of_row(row, metrics, sample, model_file) for row in summary.to_dict("records")]
    names = next((list(one) for one in found if one), [])
    for one in found:
        if one and list(one) != names:
            raise _fail(model_file, f"{', '.join(one) or 'nothing'} at one point, {', '.join(names)} at another")
    return summary.join(pd.DataFrame(found, summary.index, names, dtype=float))


def _of_row(row: Mapping[Any, Any], metrics: Metrics, sample: str, model_file: Path) -> dict[str, float]:
    """The metrics of one row; none without a throughput."""
    if pd.isna(row["throughput"]):
        return {}
    try:
        result = metrics(shapes.parse(row["shape"] or sample), float(row["throughput"]))
    except Exception as error:
        raise _fail(model_file, f"{type(error).__name__}: {error}") from error
    if not isinstance(result, Mapping) or not all(map(_is_metric, *zip(*result.items()))):
        raise _fail(model_file, f"{result!r}")
    return {name: float(value) for name, value in result.items()}


def _is_metric(name: Any, value: Any) -> bool:
    known = isinstance(name, str) and name.isidentifier() and name not in SUMMARY_COLUMNS
    return known and isinstance(value, int | float) and math.isfinite(value)


def _fail(model_file: Path, what: str) -> UserError:
    hint = "it returns finite numbers by name, the same new names at every point"
    return UserError(f"metrics of {model_file}: {what}.", hint)
