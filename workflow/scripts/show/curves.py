"""Sections tradeoff and scaling: throughput against latency, with the Pareto front, and against concurrency."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.contents import Document
from analyse.rows import Layer, Row, closed, layers, point, typical_latency
from show import figures


def tradeoff(document: Document) -> dict[str, Any]:
    """`layers`, each with its `front`."""
    return {"layers": [(layer, _front_of(layer, document)) for layer in layers(closed(document["rows"]))]}


def tradeoff_plots(document: Document) -> dict[str, go.Figure]:
    """Throughput over latency, one plot per layer."""
    look = figures.looks(document["rows"])
    return {
        f"tradeoff-{layer.key}": throughput_latency(layer, _front_of(layer, document), look)
        for layer in layers(closed(document["rows"]))
    }


def scaling(document: Document) -> dict[str, Any]:
    """`layers`."""
    return {"layers": layers(closed(document["rows"]))}


def scaling_plots(document: Document) -> dict[str, go.Figure]:
    """Throughput over concurrency, one plot per layer."""
    look = figures.looks(document["rows"])
    return {f"scaling-{layer.key}": throughput_concurrency(layer, look) for layer in layers(closed(document["rows"]))}


def throughput_latency(layer: Layer, front: Sequence[Row], look: Mapping[str, figures.Look]) -> go.Figure:
    """Throughput over latency, one line per variant through its concurrencies, above the front."""
    result = figures.lines(layer.rows, look, _milliseconds, 460)
    result.update_xaxes(title_text="latency (p50), ms")
    result.update_yaxes(title_text="throughput, infer/s")
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


def throughput_concurrency(layer: Layer, look: Mapping[str, figures.Look]) -> go.Figure:
    """Throughput over concurrency, one line per variant."""
    result = figures.lines(layer.rows, look, lambda row: row["concurrency"], 440)
    ticks = figures.ticks([row["concurrency"] for row in layer.rows])
    result.update_xaxes(title_text="concurrency, requests in flight", **ticks)
    result.update_yaxes(title_text="throughput, infer/s")
    return result


def _front_of(layer: Layer, document: Document) -> list[Row]:
    points = document["fronts"]
    return sorted((row for row in layer.rows if point(row) in points), key=lambda row: typical_latency(row) or 0)


def _milliseconds(row: Row) -> float | None:
    latency = typical_latency(row)
    return None if latency is None else latency / 1000
