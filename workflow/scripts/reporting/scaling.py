"""Section scaling: throughput against concurrency."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from reporting import figures
from reporting.rows import Row


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of the section."""
    return {"throughput_concurrency": throughput_concurrency(document["rows"])}


def throughput_concurrency(rows: Sequence[Row]) -> go.Figure:
    """Throughput over concurrency, one line per variant."""
    found = [row for row in rows if row["throughput"] is not None]
    figure = figures.figure(420)
    for name, line in figures.lines(found).items():
        figure.add_trace(figures.line(name, line, [row["concurrency"] for row in line], figures.looks(rows)))
    ticks = sorted({row["concurrency"] for row in found})
    axis = {**figures.axis(ticks), "tickvals": ticks, "ticktext": ticks}
    figure.update_xaxes(title="concurrency, requests in flight", **axis)
    figure.update_yaxes(title="throughput, infer/s", **figures.axis(figures.throughputs(found)))
    return figures.finished(figure)
