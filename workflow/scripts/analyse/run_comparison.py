"""Two runs, as their perf_summary.json tell of them, side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analyse import between_runs
from analyse.tables import of_records
from program.cli import UserError
from program.files import read_json
from record.points import CEILING

Document = Mapping[str, Any]
# What makes figures of two runs incomparable, or explains why they differ.
_CONDITIONS = (
    "system",
    "versions",
    "config.model",
    "config.profile",
    "config.serving",
    "config.server",
    "config.sweep",
)


@dataclass(frozen=True)
class RunComparison:
    """variants: changes over all levels; points: the change at each level; ceiling: that of the ceiling itself.

    differences: conditions that are not the same, as text. Changes are those of between_runs.
    """

    variants: list[dict[str, Any]]
    points: list[dict[str, Any]]
    ceiling: dict[str, Any] | None
    differences: list[str]


def summary(path: Path) -> Document:
    """A perf_summary.json. Raises UserError when it is something else, or so old that it has no repeats."""
    try:
        document: Document = read_json(path)
        if not document["repeats"]:
            raise KeyError
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "the perf_summary.json of a finished run") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path} is not a perf_summary.json, or has no repeats.", "run perf_report with this version"
        ) from None
    return document


def compared(document: Document, base: Document, against_ceiling: bool) -> RunComparison:
    """What changed from `base` to `document`. Raises UserError when a ceiling is asked for that was not measured."""
    repeats, before = _repeats(document), _repeats(base)
    for table, run in ((repeats, document), (before, base)):
        if against_ceiling and CEILING not in set(table["variant"]):
            hint = 'add "null" to variants, or set compare.against_ceiling to false'
            raise UserError(f"run {run['run']} has no ceiling to compare against.", hint)
    return RunComparison(
        between_runs.of_variants(repeats, before, against_ceiling),
        between_runs.of_points(repeats, before, against_ceiling),
        between_runs.of_ceiling(repeats, before),
        list(differences(document, base)),
    )


def differences(document: Document, base: Document) -> Iterator[str]:
    """Conditions in which the runs differ: `versions.packages.openvino: 2026.4.0, now 2026.4.1`."""
    now, before = ({name: _at(one, name) for name in _CONDITIONS} for one in (document, base))
    yield from _differences("", now, before)


def _differences(path: str, now: Any, before: Any) -> Iterator[str]:
    if isinstance(now, dict) and isinstance(before, dict):
        for key in dict.fromkeys([*before, *now]):
            yield from _differences(f"{path}.{key}".lstrip("."), now.get(key), before.get(key))
    elif now != before:
        yield f"{path}: {before}, now {now}"


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part, {})
    return value


def _repeats(document: Document) -> pd.DataFrame:
    return of_records(document["repeats"])
