"""Section published: figures that others gave for this model on their machine, which is not the reader's."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.formatting import milliseconds, number
from analyse.rows import closed, headline, layers, variants
from show import figures

_GREY = "#7A7F87"
_DASHES = ["dash", "dot", "dashdot", "longdash"]


def view(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """`published` has all that is shown; None for a model without published figures."""
    return {} if document["published"] else None


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of the section."""
    return {"published": beside(document["rows"], document["published"])} if document["published"] else {}


def beside(rows: Sequence[Mapping[str, Any]], published: Mapping[str, Any]) -> go.Figure:
    """Published throughput as grey lines over concurrency, this run's in colour, on logarithmic axes."""
    look = figures.looks(rows)
    first = layers(closed(rows))[0].rows if headline(rows) else ()
    figure = figures.figure(460)
    points, machine = published["figures"], published["machine"]
    for server, dash in zip(dict.fromkeys(one["server"] for one in points), _DASHES):
        figure.add_trace(_foreign(server, [one for one in points if one["server"] == server], dash, machine))
    found = [row for row in first if row["throughput"] is not None]
    for name, line in variants(found).items():
        figure.add_trace(figures.line(name, line, [row["concurrency"] for row in line], look[name]))
    throughputs = [one["throughput"] for one in [*points, *found]]
    concurrencies = sorted({one["concurrency"] for one in [*points, *found]})
    figure.update_xaxes(figures.axis_of(concurrencies), title="concurrency, requests in flight")
    figure.update_xaxes(tickvals=concurrencies, ticktext=list(map(str, concurrencies)))
    figure.update_yaxes({**figures.axis_of(throughputs), "title": "throughput, infer/s"})
    return figure


def _foreign(server: str, line: Sequence[Mapping[str, Any]], dash: str, machine: str) -> go.Scatter:
    name = f"{machine}: {server}"
    return go.Scatter(
        name=name,
        mode="lines+markers+text",
        x=[one["concurrency"] for one in line],
        y=[one["throughput"] for one in line],
        text=[*[""] * (len(line) - 1), name],
        textposition="top left" if len(line) > 1 else "top center",
        textfont={"size": 12},
        line={"color": _GREY, "width": 1.5, "dash": dash},
        marker={"size": 8, "symbol": "circle-open", "color": _GREY},
        customdata=[f"{number(one['throughput'])} infer/s, {milliseconds(one['latency'])} ms" for one in line],
        hovertemplate=f"<b>{server}</b>, {machine}, published: another machine<br>%{{customdata}}<extra></extra>",
        cliponaxis=False,
    )
