"""Points that no other one beats in both throughput and latency."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from analyse.contents import Health
from analyse.rows import Row, closed, layers, models, point, typical_latency

Point = TypeVar("Point")


def front(
    points: Iterable[Point], throughput: Callable[[Point], float], latency: Callable[[Point], float]
) -> list[Point]:
    """The points than which no other one serves more at no higher latency, the lowest latency first."""
    found: list[Point] = []
    for one in sorted(points, key=lambda one: (latency(one), -throughput(one))):
        if not found or throughput(one) > throughput(found[-1]):
            found.append(one)
    return found


def fronts(rows: Sequence[Row], health: Mapping[str, Health]) -> list[dict[str, Any]]:
    """The points on the front of healthy variants, for each protocol, shape and batch size. The ceiling has no part.

    Medians decide: neighbours whose intervals overlap may change places.
    """
    usable = [
        row for row in models(closed(rows)) if row["throughput"] is not None and health[row["variant"]]["healthy"]
    ]
    usable = [row for row in usable if typical_latency(row) is not None]
    return [
        point(row)
        for layer in layers(usable)
        for row in front(layer.rows, lambda row: row["throughput"], lambda row: typical_latency(row) or 0.0)
    ]
