"""Section breakdown: where the time goes."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analyse.contents import Document
from analyse.formatting import milliseconds
from analyse.rows import Layer, Row, breakdown, closed, layers, point
from show import figures

PART_COLOURS = {"queue": "#C77800", "compute": "#2F7FB8", "rest": "#8A8F98", "not broken down": "#8C78AC"}
# Where a request passes on its way, with a colour each.
ROUTE = {
    "queue": ("server_queue", "#C77800"),
    "input": ("server_compute_input", "#7FB2D9"),
    "infer": ("server_compute_infer", "#2F7FB8"),
    "output": ("server_compute_output", "#175A8A"),
}
_BAR_HEIGHT = 26
_PANEL_HEIGHT = 64
# More panels than these tire; the table below the plot has all.
_PANELS = 3


def view(document: Document) -> dict[str, Any]:
    """`layers`, each with the concurrencies that its plot shows, the colours of the `parts` that any bar has, and the
    `route` through the variant that serves most."""
    rows = closed(document["rows"])
    parts = {part: colour for part, colour in PART_COLOURS.items() if any(_part(row, part) is not None for row in rows)}
    return {"layers": [(layer, panels(layer)) for layer in layers(rows)], "parts": parts, "route": route(document)}


def route(document: Document) -> dict[str, Any] | None:
    """Where the average latency of the fastest variant goes, in order of the way: `row`, and `stops` with name, colour,
    microseconds and share; None where the server's times are not known."""
    best = document["choices"][0]
    row = next((row for row in document["rows"] if best["variant"] and point(row) == point(best)), None)
    if row is None or breakdown(row)["rest"] is None:
        return None
    times = [(name, colour, row[column]) for name, (column, colour) in ROUTE.items()]
    times.append(("rest", PART_COLOURS["rest"], breakdown(row)["rest"]))
    total = sum(time for *_, time in times)
    stops = [{"name": name, "colour": colour, "time": time, "share": time / total} for name, colour, time in times]
    return {"row": row, "stops": stops}


def plots(document: Document) -> dict[str, go.Figure]:
    """The plot of each layer."""
    return {f"breakdown-{layer.key}": latency_parts(layer) for layer in layers(closed(document["rows"]))}


def panels(layer: Layer) -> list[int]:
    """The concurrencies that have a panel: all, or the lowest, a middle one and the highest."""
    found = sorted({row["concurrency"] for row in layer.rows if row["latency_avg"] is not None})
    return found if len(found) <= _PANELS else [found[0], found[len(found) // 2], found[-1]]


def latency_parts(layer: Layer) -> go.Figure:
    """Average latency in stacked parts, one panel per concurrency and one bar per variant."""
    found = [row for row in layer.rows if row["latency_avg"] is not None]
    shown = panels(layer)
    bars = {panel: [row for row in found if row["concurrency"] == panel] for panel in shown}
    height = 40 + sum(_PANEL_HEIGHT + _BAR_HEIGHT * len(members) for members in bars.values())
    figure = make_subplots(
        rows=max(1, len(shown)),
        cols=1,
        subplot_titles=[f"concurrency {panel}" for panel in shown],
        row_heights=[len(bars[panel]) for panel in shown] or None,
        vertical_spacing=_PANEL_HEIGHT / height if len(shown) > 1 else 0,
    )
    for index, panel in enumerate(shown, start=1):
        # The first variant on top, as in the table.
        members = bars[panel][::-1]
        for part in PART_COLOURS:
            values = [_part(row, part) for row in members]
            if any(value is not None for value in values):
                figure.add_trace(_bar(part, members, values), row=index, col=1)
    figure.update_layout(figures.figure(height).layout, barmode="stack", bargap=0.25)
    figure.update_layout(margin_t=36)
    figure.update_xaxes(rangemode="tozero", ticksuffix=" ms", automargin=True, zeroline=False)
    figure.update_yaxes(automargin=True, zeroline=False)
    figure.update_annotations(x=0, xanchor="left", font_size=14)
    return figure


def _part(row: Row, part: str) -> float | None:
    """A part of the average latency; all of it where the server's times are missing."""
    parts = breakdown(row)
    if part != "not broken down":
        return parts[part]
    return row["latency_avg"] if parts["rest"] is None else None


def _bar(part: str, rows: Sequence[Row], values: Sequence[float | None]) -> go.Bar:
    return go.Bar(
        name=part,
        orientation="h",
        y=[row["variant"] for row in rows],
        x=[None if value is None else value / 1000 for value in values],
        marker_color=PART_COLOURS[part],
        marker_pattern_shape="/" if part == "not broken down" else "",
        customdata=[milliseconds(value) for value in values],
        hovertemplate=f"%{{y}}<br>{part}: %{{customdata}} ms<extra></extra>",
    )
