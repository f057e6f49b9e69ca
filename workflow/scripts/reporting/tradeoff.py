"""Section tradeoff: throughput against latency."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from reporting import figures
from reporting.rows import Row, typical_latency


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of the section."""
    return {"throughput_latency": throughput_latency(document["rows"])}


def throughput_latency(rows: Sequence[Row]) -> go.Figure:
    """Throughput over latency, one line per variant through its concurrencies."""
    found = [row for row in rows if row["throughput"] is not None and typical_latency(row) is not None]
    figure = figures.figure(440)
    for name, line in figures.lines(found).items():
        figure.add_trace(figures.line(name, line, figures.milliseconds(line), figures.looks(rows)))
    figure.update_xaxes(title="latency, ms", **figures.axis(figures.milliseconds(found)))
    figure.update_yaxes(title="throughput, infer/s", **figures.axis(figures.throughputs(found)))
    return figures.finished(figure)
