"""The points that no other one beats in both throughput and latency."""

from collections.abc import Mapping, Sequence
from typing import Any

from analyse.rows import Row, closed, layers, models, point, typical_latency


def fronts(rows: Sequence[Row], health: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The points on the Pareto front of each protocol and batch size, from the lowest latency to the highest."""
    return [point(row) for layer in layers(closed(rows)) for row in front(layer.rows, health)]


def front(rows: Sequence[Row], health: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The points of healthy variants than which no other one serves more at no higher latency, by latency.

    The ceiling does not compete. Medians decide: neighbours whose intervals overlap may change places.
    """
    usable = [row for row in models(rows) if row["throughput"] is not None and health[row["variant"]]["healthy"]]
    latencies = [(row, latency) for row in usable if (latency := typical_latency(row)) is not None]
    found: list[Row] = []
    for row, _ in sorted(latencies, key=lambda pair: (pair[1], -pair[0]["throughput"])):
        if not found or row["throughput"] > found[-1]["throughput"]:
            found.append(row)
    return found
