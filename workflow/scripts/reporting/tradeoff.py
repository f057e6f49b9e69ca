"""Section tradeoff: throughput against latency, and the points that no other one beats in both."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from reporting import figures
from reporting.rows import Layer, Row, closed, layers, models, point, typical_latency


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


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """`layers`, each with its `front`."""
    return {"layers": [(layer, _front_of(layer, document)) for layer in layers(closed(document["rows"]))]}


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of each layer."""
    look = figures.looks(document["rows"])
    return {
        f"tradeoff-{layer.key}": throughput_latency(layer, _front_of(layer, document), look)
        for layer in layers(closed(document["rows"]))
    }


def _front_of(layer: Layer, document: Mapping[str, Any]) -> list[Row]:
    points = document["fronts"]
    return sorted((row for row in layer.rows if point(row) in points), key=lambda row: typical_latency(row) or 0)


def throughput_latency(layer: Layer, front: Sequence[Row], look: Mapping[str, figures.Look]) -> go.Figure:
    """Throughput over latency, one line per variant through its concurrencies, above the front."""
    result = figures.lines(layer.rows, look, _milliseconds, 460)
    result.update_xaxes(title="latency (p50), ms")
    result.update_yaxes(title="throughput, infer/s")
    steps = go.Scatter(
        name="Pareto front",
        meta={"role": "front"},
        mode="lines",
        x=[_milliseconds(row) for row in front],
        y=[row["throughput"] for row in front],
        line={"width": 12, "shape": "hv", "color": "rgba(128, 150, 190, 0.35)"},
        hoverinfo="skip",
    )
    result.add_trace(steps)
    # Drawn first, so that it lies below the lines.
    result.data = (result.data[-1], *result.data[:-1])
    return result


def _milliseconds(row: Row) -> float | None:
    latency = typical_latency(row)
    return None if latency is None else latency / 1000
