"""Section rates: requests sent when they are due, whatever the server does, and how many were answered in time."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.contents import Document
from analyse.formatting import milliseconds, percent
from analyse.rows import INTERVALS, Layer, Row, layers, variants
from plan.loads import CLOSED
from show import figures


def view(document: Document) -> dict[str, Any] | None:
    """`layers`, `rows` at a rate and the objective `slo_ms`; None when no rate was asked for."""
    rows = at_rates(document["rows"])
    return {"layers": layers(rows), "rows": rows, "slo_ms": document["config"]["sweep"]["slo_ms"]} if rows else None


def at_rates(rows: Sequence[Row]) -> list[Row]:
    """The rows at a request rate."""
    return [row for row in rows if row["load_mode"] != CLOSED]


def plots(document: Document) -> dict[str, go.Figure]:
    """The plot of each layer."""
    look = figures.looks(document["rows"])
    return {f"rates-{layer.key}": in_time(layer, look) for layer in layers(at_rates(document["rows"]))}


def in_time(layer: Layer, look: Mapping[str, figures.Look]) -> go.Figure:
    """Share of requests that met the objective over the rate, one line per variant and kind of intervals."""
    found = [row for row in layer.rows if row["slo_met"] is not None]
    result = figures.figure(420)
    for mode, dash in (("constant", "solid"), ("poisson", "dot")):
        for name, line in variants([row for row in found if row["load_mode"] == mode]).items():
            result.add_trace(_line(name, line, look[name], dash))
    rates = [row["request_rate"] for row in found]
    last = {name: line[-1] for name, line in variants(found).items()}
    heights = figures.spread_out({name: row["slo_met"] for name, row in last.items()}, result.layout.height)
    for name, row in last.items():
        result.add_trace(figures.label(name, row["request_rate"], heights[name]))
    result.update_xaxes({**figures.axis_of(rates), **figures.ticks(rates), "title_text": "requests per second"})
    result.update_yaxes(title_text="met the objective", range=[-0.03, 1.05], tickformat=".0%")
    return result


def _line(name: str, line: Sequence[Row], look: figures.Look, dash: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        meta={"variant": name},
        mode="lines+markers",
        x=[row["request_rate"] for row in line],
        y=[row["slo_met"] for row in line],
        line={"color": look.colour, "width": 2, "dash": dash},
        marker={"size": 9, "symbol": [figures.symbol(look, row) for row in line]},
        customdata=[
            f"{row['request_rate']:g} requests/s, {INTERVALS[row['load_mode']]}<br>"
            f"{percent(row['slo_met'], 1)} in time, p99 {milliseconds(row['latency_p99'])} ms"
            for row in line
        ],
        hovertemplate=f"<b>{name}</b><br>%{{customdata}}<extra></extra>",
    )
