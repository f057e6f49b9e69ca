"""Section published: the figures that the demo's authors gave for their machine, which is not the reader's."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from reporting import figures
from reporting.rows import closed, headline, layers, variants
from reporting.words import milliseconds, number

# Throughput in infer/s and latency in microseconds, as published with the webinar of 2023: MNIST, NVIDIA A100, gRPC,
# batch 1, Triton 23.05 and 23.11.
PUBLISHED = [
    {"server": server, "concurrency": concurrency, "throughput": throughput, "latency": latency}
    for server, concurrency, throughput, latency in [
        ("PyTriton, eager PyTorch", 1, 501.6, 1_992),
        ("PyTriton, eager PyTorch", 65, 1_463.2, 44_347),
        ("TorchScript backend", 65, 4_799, 13_543),
        ("ONNX Runtime backend", 65, 26_952, 2_410),
        ("TensorRT backend", 1, 1_464, 682),
        ("TensorRT backend", 65, 30_404, 2_136),
        ("TensorRT backend", 257, 35_059, None),
    ]
]
_GREY = "#7A7F87"
_DASHES = ["dash", "dot", "dashdot", "longdash"]


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of the section."""
    return {"published": beside(document["rows"], document["published"])}


def beside(rows: Sequence[Mapping[str, Any]], published: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Published throughput as grey lines over concurrency, this run's in colour, on logarithmic axes."""
    look = figures.looks(rows)
    first = layers(closed(rows))[0].rows if headline(rows) else ()
    figure = figures.figure(460)
    for server, dash in zip(dict.fromkeys(one["server"] for one in published), _DASHES):
        figure.add_trace(_foreign(server, [one for one in published if one["server"] == server], dash))
    found = [row for row in first if row["throughput"] is not None]
    for name, line in variants(found).items():
        figure.add_trace(figures.line(name, line, [row["concurrency"] for row in line], look[name]))
    throughputs = [one["throughput"] for one in [*published, *found]]
    concurrencies = sorted({one["concurrency"] for one in [*published, *found]})
    figure.update_xaxes(figures.axis_of(concurrencies), title="concurrency, requests in flight")
    figure.update_xaxes(tickvals=concurrencies, ticktext=list(map(str, concurrencies)))
    figure.update_yaxes({**figures.axis_of(throughputs), "title": "throughput, infer/s"})
    return figure


def _foreign(server: str, line: Sequence[Mapping[str, Any]], dash: str) -> go.Scatter:
    return go.Scatter(
        name=f"A100: {server}",
        mode="lines+markers+text",
        x=[one["concurrency"] for one in line],
        y=[one["throughput"] for one in line],
        text=[*[""] * (len(line) - 1), f"A100: {server}"],
        textposition="top left" if len(line) > 1 else "top center",
        textfont={"size": 12},
        line={"color": _GREY, "width": 1.5, "dash": dash},
        marker={"size": 8, "symbol": "circle-open", "color": _GREY},
        customdata=[f"{number(one['throughput'])} infer/s, {milliseconds(one['latency'])} ms" for one in line],
        hovertemplate=f"<b>{server}</b>, NVIDIA A100, published: another machine<br>%{{customdata}}<extra></extra>",
        cliponaxis=False,
    )
