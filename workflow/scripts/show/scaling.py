"""Section scaling: throughput against concurrency."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from analyse.rows import Layer, closed, layers
from show import figures


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """`layers`."""
    return {"layers": layers(closed(document["rows"]))}


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of each layer."""
    look = figures.looks(document["rows"])
    return {f"scaling-{layer.key}": throughput_concurrency(layer, look) for layer in layers(closed(document["rows"]))}


def throughput_concurrency(layer: Layer, look: Mapping[str, figures.Look]) -> go.Figure:
    """Throughput over concurrency, one line per variant."""
    result = figures.lines(layer.rows, look, lambda row: row["concurrency"], 440)
    ticks = sorted({row["concurrency"] for row in layer.rows})
    result.update_xaxes(title="concurrency, requests in flight", tickvals=ticks, ticktext=list(map(str, ticks)))
    result.update_yaxes(title="throughput, infer/s")
    return result
