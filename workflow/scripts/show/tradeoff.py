"""Section tradeoff: throughput against latency, and the points that no other one beats in both."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.rows import Layer, Row, closed, layers, point, typical_latency
from show import figures


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
