"""The comparisons of the document, found by the rows that they compare."""

from collections.abc import Mapping, Sequence
from typing import Any

from analyse.intervals import Interval
from analyse.rows import Row
from record.points import LEVEL

Comparisons = Sequence[Mapping[str, Any]]
# PyTriton with eager PyTorch, which others are compared with.
BASELINE = "pytriton"


def ratio(comparisons: Comparisons, row: Row, base: Row) -> Interval | None:
    """Speed of one row over that of another one at the same load, None when it is not known."""
    for one in comparisons:
        if {one["variant"], one["base"]} == {row["variant"], base["variant"]} and _same_load(one, row):
            if one["ratio"] is None:
                return None
            found = Interval(**one["ratio"])
            return found if one["variant"] == row["variant"] else inverse(found)
    return None


def inverse(interval: Interval) -> Interval:
    """The ratio the other way round."""
    return Interval(1 / interval.high, 1 / interval.middle, 1 / interval.low)


def baseline(level: Sequence[Row]) -> Row | None:
    """The row of PyTriton with eager PyTorch among those of one load level, if it has figures."""
    found = [row for row in level if row["variant"] == BASELINE and row["throughput"] is not None]
    return found[0] if found else None


def _same_load(one: Mapping[str, Any], row: Row) -> bool:
    return all(one[key] == row[key] for key in LEVEL)
