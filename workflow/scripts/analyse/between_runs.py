"""What changed from one run to another, as their perf_summary.json tell of them.

Two runs have no time in common: round 2 of one and round 2 of the other share nothing but their number, and are not
paired. What they do share is the ceiling, the variant `null`, which computes nothing: what changed there is the
machine's and the server's doing. Within each round of each run a variant is taken relative to the ceiling of the same
round, which is paired, and those relative speeds are compared between the runs: Hodges and Lehmann's estimate with
Moses' interval, which holds for all variants together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyse.head_to_head import FASTER, NOT_SHOWN, SLOWER, TOO_FEW, table
from analyse.intervals import rank_sum
from program.cli import UserError
from program.files import read_json
from record.points import CEILING, LEVEL

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
    """variants: the changes of the variants of both runs; ceiling: that of the ceiling itself, as it was measured.

    A change has `variant`, `rounds` (of both runs), `ratio` with bounds, None with too few rounds, and `result`.
    differences: conditions that are not the same, as text.
    """

    variants: list[dict[str, Any]]
    ceiling: dict[str, Any] | None
    differences: list[str]


def summary(path: Path) -> Document:
    """A perf_summary.json. Raises UserError when it is something else, of another version, or has no rounds."""
    try:
        document: Document = read_json(path)
        run = document["run"]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "the perf_summary.json of a finished run") from None
    except (UserError, KeyError, TypeError):
        raise UserError(f"{path} is not a perf_summary.json.", "the one of a finished run") from None
    if "rounds" not in document:
        raise UserError(
            f"{path} was written by another version of the workflow: it has no head-to-head rounds.",
            "measure that run again with this version: make perf_report",
        )
    if not document["rounds"]:
        raise UserError(f"run {run} ({path}) has no head-to-head rounds.", "snakemake perf_report measures them")
    return document


def compared(document: Document, base: Document, against_ceiling: bool) -> RunComparison:
    """What changed from `base` to `document`.

    Raises UserError when a ceiling is asked for that was not measured, or when the loads differ.
    """
    points, before = (pd.DataFrame(run["rounds"]) for run in (document, base))
    loads = [{name: run["rounds"][0][name] for name in LEVEL} for run in (document, base)]
    if loads[0] != loads[1]:
        here, there = (", ".join(f"{name} {value}" for name, value in load.items() if value) for load in loads)
        raise UserError(
            f"run {document['run']} was measured at {here}, {base['run']} at {there}.",
            "compare runs with the same first load of sweep",
        )
    for measured, run in ((points, document), (before, base)):
        if against_ceiling and CEILING not in set(measured["variant"]):
            hint = 'add "null" to variants, or set compare.against_ceiling to false'
            raise UserError(f"run {run['run']} has no ceiling to compare against.", hint)
    now, then = (one[one["variant"] == CEILING] for one in (points, before))
    return RunComparison(
        changes(points, before, against_ceiling),
        next(iter(changes(now, then, against_ceiling=False)), None),
        list(differences(document, base)),
    )


def changes(points: pd.DataFrame, base: pd.DataFrame, against_ceiling: bool) -> list[dict[str, Any]]:
    """One change per variant of both runs, from their rounds."""
    known = set(base["variant"])
    names = [name for name in dict.fromkeys(points["variant"]) if name in known]
    names = [name for name in names if not (against_ceiling and name == CEILING)]
    now, before = (_logarithms(one, against_ceiling) for one in (points, base))
    found = []
    for name in names:
        series, earlier = (run[name].dropna().tolist() if name in run else [] for run in (now, before))
        ratio = rank_sum(series, earlier, len(names)) if series and earlier else None
        result = TOO_FEW
        if ratio:
            result = NOT_SHOWN if not ratio.difference_shown else FASTER if ratio.middle > 1 else SLOWER
        rounds = [len(series), len(earlier)]
        found.append({"variant": name, "rounds": rounds, "ratio": ratio and vars(ratio), "result": result})
    return found


def differences(document: Document, base: Document) -> Iterator[str]:
    """Conditions in which the runs differ: `versions.packages.openvino: 2026.4.0, now 2026.4.1`."""
    now, before = ({name: _at(one, name) for name in _CONDITIONS} for one in (document, base))
    yield from _differences("", now, before)


def _logarithms(points: pd.DataFrame, against_ceiling: bool) -> pd.DataFrame:
    """Logarithms of the throughputs: one row per round, one column per variant, relative to the ceiling if asked."""
    logarithms = table(points).apply(np.log)
    return logarithms.sub(logarithms[CEILING], axis="index") if against_ceiling else logarithms


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
