"""Section breakdown: where the time goes."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from reporting import figures
from reporting.rows import Row, breakdown, labels
from reporting.words import milliseconds

_PART_COLOURS = {"queue": "#C77800", "compute": "#2F7FB8", "rest": "#8A8F98", "not broken down": "#8C78AC"}
_BAR_HEIGHT = 30


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of the section."""
    return {"latency_parts": latency_parts(document["rows"])}


def latency_parts(rows: Sequence[Row]) -> go.Figure:
    """Average latency in stacked parts, one panel per concurrency and one bar per variant."""
    found = [(name, row) for name, row in zip(labels(rows), rows) if row["latency_avg"] is not None]
    panels = sorted({row["concurrency"] for _, row in found})
    bars = {panel: [(name, row) for name, row in found if row["concurrency"] == panel] for panel in panels}
    figure = make_subplots(
        rows=max(1, len(panels)),
        cols=1,
        subplot_titles=[f"concurrency {panel}" for panel in panels],
        row_heights=[len(bars[panel]) for panel in panels] or None,
        vertical_spacing=0.3 / max(1, len(panels)),
        figure=figures.figure(110 + sum(60 + _BAR_HEIGHT * len(bars[panel]) for panel in panels)),
    )
    used = [part for part in _PART_COLOURS if any(_part(row, part) is not None for _, row in found)]
    for index, panel in enumerate(panels, start=1):
        # The first variant on top, as in the table.
        names, members = zip(*reversed(bars[panel]))
        for part in used:
            values = [_part(row, part) for row in members]
            figure.add_trace(_bar(part, list(names), values, legend=index == 1), row=index, col=1)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(rangemode="tozero", ticksuffix=" ms")
    figure.update_annotations(x=0, xanchor="left", font_size=14)
    return figures.finished(figure)


def _part(row: Row, part: str) -> float | None:
    """A part of the average latency; all of it where the server's times are missing."""
    parts = breakdown(row)
    if part != "not broken down":
        return parts[part]
    return row["latency_avg"] if parts["rest"] is None else None


def _bar(part: str, names: list[str], values: list[float | None], legend: bool) -> go.Bar:
    return go.Bar(
        name=part,
        legendgroup=part,
        showlegend=legend,
        orientation="h",
        y=names,
        x=[None if value is None else value / 1000 for value in values],
        marker_color=_PART_COLOURS[part],
        marker_pattern_shape="/" if part == "not broken down" else "",
        customdata=[milliseconds(value) for value in values],
        hovertemplate=f"%{{y}}<br>{part}: %{{customdata}} ms<extra></extra>",
    )
