"""Section published: figures that others gave for this model on their machine, which is not the reader's."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.contents import Document
from analyse.formatting import milliseconds, number
from analyse.rows import Row, bounds, closed, layers, variants
from show import figures

_DASHES = ["dash", "dot", "dashdot", "longdash"]


def view(document: Document) -> dict[str, Any] | None:
    """`published` has all that is shown; None for a model without published figures."""
    return {} if document["published"] else None


def plots(document: Document) -> dict[str, go.Figure]:
    """The plot of the section."""
    return {"published": beside(document["rows"], document["published"])} if document["published"] else {}


def beside(rows: Sequence[Row], published: Mapping[str, Any]) -> go.Figure:
    """Published throughput as grey lines over concurrency, this run's in colour, on logarithmic axes."""
    look, points = figures.looks(rows), published["figures"]
    found = [row for row in layers(closed(rows))[0].rows if row["throughput"] is not None] if closed(rows) else []
    figure = figures.figure(460)
    axis = figures.axis_of([one["throughput"] for one in points] + [bound for row in found for bound in bounds(row)])
    foreign = {f"{published['machine']}: {server}": line for server, line in _by_server(points).items()}
    ends = {name: figures.position(axis, line[-1]["throughput"]) for name, line in foreign.items()}
    heights = figures.spread_out(ends, figure.layout.height)
    for (name, line), dash in zip(foreign.items(), itertools.cycle(_DASHES)):
        figure.add_trace(_foreign(name, line, dash))
        figure.add_trace(figures.label(name, line[-1]["concurrency"], figures.at(axis, heights[name])))
    for name, line in variants(found).items():
        figure.add_trace(figures.line(name, line, [row["concurrency"] for row in line], look[name]))
    concurrencies = [one["concurrency"] for one in [*points, *found]]
    figure.update_xaxes(figures.axis_of(concurrencies), title_text="concurrency, requests in flight")
    figure.update_xaxes(figures.ticks(concurrencies))
    figure.update_yaxes({**axis, "title_text": "throughput, infer/s"})
    return figure


def _by_server(points: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in points:
        found.setdefault(one["server"], []).append(one)
    return found


def _foreign(name: str, line: Sequence[Mapping[str, Any]], dash: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        mode="lines+markers",
        x=[one["concurrency"] for one in line],
        y=[one["throughput"] for one in line],
        line={"color": figures.GREY, "width": 1.5, "dash": dash},
        marker={"size": 8, "symbol": "circle-open", "color": figures.GREY},
        customdata=[f"{number(one['throughput'])} infer/s, {milliseconds(one['latency'])} ms" for one in line],
        hovertemplate=f"<b>{name}</b>, published: another machine<br>%{{customdata}}<extra></extra>",
        cliponaxis=False,
    )
