"""What changed from one run to another: ratios of speed with intervals that hold for all variants together.

Two runs have no time in common: repeat 2 of one and repeat 2 of the other share nothing but their number, and are not
paired. What they do share is the ceiling, the variant `null`, which computes nothing: what changed there is the
machine's and the server's doing. In each round of each run a variant is taken relative to the ceiling of the same
round, which is paired, and those relative speeds are compared between the runs.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analyse.between_variants import figure, judged, speeds
from analyse.intervals import scatter, unpaired_ratio
from record.points import CEILING, LEVEL

Level = tuple[Hashable, ...]
Tables = dict[Level, pd.DataFrame]


def of_variants(repeats: pd.DataFrame, base: pd.DataFrame, against_ceiling: bool) -> list[dict[str, Any]]:
    """One change per variant of both runs, over all levels of constant concurrency that both have.

    `levels` is the number of those that have figures. Taken together they tell more than any alone: a slow-down of a
    variant is one at every level, while the noise differs. `repeats` and `base`: tables of points as measured.
    """
    now, before = _tables(repeats), _tables(base)
    closed = [level for level in now if level in before and figure(dict(zip(LEVEL, level))) == "throughput"]
    wanted = [({"variant": name}, name, closed) for name in _variants(now, before, against_ceiling)]
    return _changes(now, before, wanted, against_ceiling)


def of_points(repeats: pd.DataFrame, base: pd.DataFrame, against_ceiling: bool) -> list[dict[str, Any]]:
    """One change per point of both runs; the bounds of all of them hold together."""
    now, before = _tables(repeats), _tables(base)
    wanted = [
        ({"variant": name, **dict(zip(LEVEL, level))}, name, [level])
        for level in now
        if level in before
        for name in _variants(now, before, against_ceiling)
    ]
    return _changes(now, before, wanted, against_ceiling)


def of_ceiling(repeats: pd.DataFrame, base: pd.DataFrame) -> dict[str, Any] | None:
    """The change of the ceiling itself, as it was measured; None when a run has none."""
    now, before = (table[table["variant"] == CEILING] for table in (repeats, base))
    return next(iter(of_variants(now, before, against_ceiling=False)), None)


def _changes(
    now: Tables, before: Tables, wanted: Iterable[tuple[dict[str, Any], str, Sequence[Level]]], against_ceiling: bool
) -> list[dict[str, Any]]:
    """The changes of the `wanted`: what names one, its variant, and the levels that it is made from."""
    found = []
    for names, variant, levels in wanted:
        reference = CEILING if against_ceiling else None
        usable = [level for level in levels if all(_usable(run[level], variant, reference) for run in (now, before))]
        series = [_relative(run, usable, variant, reference) for run in (now, before)] if usable else None
        found.append((names, len(usable), series))
    pooled = scatter(series for _, _, pair in found if pair for series in pair)
    number = sum(pair is not None for _, _, pair in found)
    return [
        {**names, "levels": levels, **judged(unpaired_ratio(pair[0], pair[1], pooled, number) if pair else None)}
        for names, levels, pair in found
    ]


def _tables(repeats: pd.DataFrame) -> Tables:
    """The speeds at each level: one row per repeat, one column per variant."""
    return {tuple(level.values()): table for level, table in speeds(repeats)}


def _variants(now: Tables, before: Tables, against_ceiling: bool) -> list[str]:
    """The variants of both runs, but not what they are compared against."""
    current, known = (dict.fromkeys(name for table in run.values() for name in table.columns) for run in (now, before))
    return [name for name in current if name in known and not (against_ceiling and name == CEILING)]


def _usable(table: pd.DataFrame, variant: str, reference: str | None) -> bool:
    """Whether a variant, and what it is taken relative to, have a speed in every repeat."""
    needed = [variant, *([reference] if reference else [])]
    return all(name in table.columns and bool(table[name].notna().all()) for name in needed)


def _relative(run: Tables, levels: Sequence[Level], variant: str, reference: str | None) -> list[float]:
    """The speed of a variant in each round, geometric mean over levels, relative to a reference of the same round."""
    logs = [np.log(run[level][variant]) - (np.log(run[level][reference]) if reference else 0) for level in levels]
    values: list[float] = np.exp(np.mean(logs, axis=0)).tolist()
    return values
