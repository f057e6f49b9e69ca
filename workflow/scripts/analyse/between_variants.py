"""Whether one variant is faster than another: ratios of speed with intervals that hold for all comparisons together.

Speed is throughput where the requests in flight are held constant, and the inverse of the median latency where their
rate is. Repeats are paired: in every round of a run each variant is measured once, and what the machine did in that
round is common to all of them. It is taken out, as in an analysis of variance with rounds as blocks; what is left
tells how far the ratio of two variants may be off.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analyse.intervals import Interval, Scatter, paired_ratio, scatter
from analyse.rows import Row
from analyse.tables import records
from plan.loads import CLOSED
from record.points import LEVEL

FASTER, SLOWER, NOT_SHOWN, UNKNOWN = "faster", "slower", "no difference shown", "not known"
# PyTriton with eager PyTorch, which others are compared with.
BASELINE = "pytriton"

Comparison = Mapping[str, Any]


def comparisons(repeats: pd.DataFrame) -> list[dict[str, Any]]:
    """All pairs of variants at every load level, in the order of the repeats' table.

    Each has `ratio`, the speed of `variant` over that of `base` with bounds (None when a figure or the scatter is
    missing), and `result`. The bounds of all of them hold together at 95 %: with equal variants, a difference is
    shown in at most one run of twenty.
    """
    found = list(speeds(repeats))
    tables = [table for _, table in found]
    pairs = [(level, table, pair) for level, table in found for pair in combinations(table.columns, 2)]
    everyone = block_scatter(tables)
    own = {pair: pair_scatter(tables, *pair) for pair in {pair for _, _, pair in pairs}}
    return [
        {
            "variant": pair[0],
            "base": pair[1],
            **level,
            "figure": figure(level),
            **judged(_ratio(table, pair, [everyone, own[pair]], len(pairs))),
        }
        for level, table, pair in pairs
    ]


def seen_from(variant: str, comparison: Comparison) -> dict[str, Any]:
    """A comparison of `variant` with another one, whichever of the two it names first."""
    if comparison["variant"] == variant:
        return dict(comparison)
    ratio = comparison["ratio"] and Interval(**comparison["ratio"]).inverse
    return {**comparison, "variant": variant, "base": comparison["variant"], **judged(ratio)}


def ratio(compared: Sequence[Comparison], row: Row, base: Row) -> Interval | None:
    """Speed of one row over that of another one at the same load; None when it is not known."""
    for one in compared:
        same_pair = {one["variant"], one["base"]} == {row["variant"], base["variant"]}
        if same_pair and all(one[key] == row[key] for key in LEVEL):
            found = seen_from(row["variant"], one)["ratio"]
            return Interval(**found) if found else None
    return None


def baseline(level: Sequence[Row]) -> Row | None:
    """The row of PyTriton with eager PyTorch among those of one load level, if it has figures."""
    return next((row for row in level if row["variant"] == BASELINE and row["throughput"] is not None), None)


def figure(level: Mapping[str, Any]) -> str:
    """The column that speed is taken from at a level."""
    return "throughput" if level["load_mode"] == CLOSED else "latency_p50"


def speeds(repeats: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Each level with the speeds there: one row per repeat, one column per variant, missing where it has none."""
    for _, group in repeats.groupby(LEVEL, sort=False, dropna=False):
        (level,) = records(group[LEVEL].head(1))
        table = group.pivot(index="repeat", columns="variant", values=figure(level)).astype(float)
        table = table[list(dict.fromkeys(group["variant"]))].where(lambda values: values > 0)
        yield level, table if figure(level) == "throughput" else 1 / table


def block_scatter(tables: list[pd.DataFrame]) -> Scatter:
    """Scatter of the logarithm of the ratio of two variants in one round, pooled over all variants and levels.

    Of each level the variants that have all repeats count; what a round does to all of them is taken out.
    """
    squares, freedom = 0.0, 0
    for table in tables:
        logs = np.log(table.dropna(axis="columns").to_numpy())
        rounds, variants = logs.shape
        if rounds > 1 and variants > 1:
            residuals = logs - logs.mean(axis=0) - logs.mean(axis=1, keepdims=True) + logs.mean()
            squares += float((residuals**2).sum())
            freedom += (rounds - 1) * (variants - 1)
    return Scatter((), 2 * squares / freedom if freedom else math.nan, freedom)


def pair_scatter(tables: list[pd.DataFrame], variant: str, base: str) -> Scatter:
    """Scatter of the logarithm of the ratio of these two variants in one round, pooled over all levels.

    A variant that is noisier than the others mostly is at every level. At one level alone three rounds would tell its
    scatter with two degrees of freedom, and intervals that hold for all comparisons together would say nothing.
    """
    shared = [table for table in tables if {variant, base}.issubset(table.columns)]
    return scatter((table[variant] / table[base]).dropna().tolist() for table in shared)


def judged(ratio: Interval | None) -> dict[str, Any]:
    """A ratio of speeds as columns, and what it shows."""
    if ratio is None:
        return {"ratio": None, "result": UNKNOWN}
    result = NOT_SHOWN if not ratio.difference_shown else FASTER if ratio.middle > 1 else SLOWER
    return {"ratio": vars(ratio), "result": result}


def _ratio(table: pd.DataFrame, pair: tuple[str, str], known: Sequence[Scatter], number: int) -> Interval | None:
    both = table[[*pair]].dropna()
    values, base = (both[name].tolist() for name in pair)
    return paired_ratio(values, base, known, number) if values else None
