"""The plots, as plotly figures without colours of the page: those follow the reader's light or dark scheme.

Variants keep their colour and marker in all plots; a hollow marker is a point that is not stable.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from measurement.points import CEILING
from reporting.rows import Row, breakdown, labels, typical_latency
from reporting.words import milliseconds, number

# Apart for colour-blind readers, and with a contrast of 3 on white and on the dark page.
_COLOURS = ["#1F83C4", "#D55E00", "#00916A", "#B5548F", "#8C6D00", "#5B6FD6", "#C2402F", "#5F8A00", "#0F8B8D"]
_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "star", "pentagon", "hexagram", "bowtie"]
_CEILING_LOOK = ("#7A7F87", "x")
_DASHES = {"grpc": "solid", "http": "dot"}
_PART_COLOURS = {"queue": "#C77800", "compute": "#2F7FB8", "rest": "#8A8F98", "not broken down": "#8C78AC"}
# A range wider than this factor is shown on a logarithmic axis.
_LOG_FACTOR = 20
_BAR_HEIGHT = 30


def plots(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """All plots by name, as JSON for plotly.js."""
    figures = {
        "throughput_latency": throughput_latency(rows),
        "latency_parts": latency_parts(rows),
        "throughput_concurrency": throughput_concurrency(rows),
    }
    return {name: json.loads(figure.to_json()) for name, figure in figures.items()}


def looks(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each variant, in order of appearance; grey for the ceiling."""
    variants = dict.fromkeys(row["variant"] for row in rows if row["variant"] != CEILING)
    chosen = zip(variants, itertools.cycle(zip(_COLOURS, _SYMBOLS, strict=True)))
    return {CEILING: _CEILING_LOOK, **dict(chosen)}


def throughput_latency(rows: Sequence[Row]) -> go.Figure:
    """Throughput over latency, one line per variant through its concurrencies."""
    found = [row for row in rows if row["throughput"] is not None and typical_latency(row) is not None]
    figure = _figure(440)
    for name, line in _lines(found).items():
        figure.add_trace(_line(name, line, _milliseconds(line), looks(rows)))
    figure.update_xaxes(title="latency, ms", **_axis(_milliseconds(found)))
    figure.update_yaxes(title="throughput, infer/s", **_axis(_throughputs(found)))
    return _finished(figure)


def throughput_concurrency(rows: Sequence[Row]) -> go.Figure:
    """Throughput over concurrency, one line per variant."""
    found = [row for row in rows if row["throughput"] is not None]
    figure = _figure(420)
    for name, line in _lines(found).items():
        figure.add_trace(_line(name, line, [row["concurrency"] for row in line], looks(rows)))
    ticks = sorted({row["concurrency"] for row in found})
    axis = {**_axis(ticks), "tickvals": ticks, "ticktext": ticks}
    figure.update_xaxes(title="concurrency, requests in flight", **axis)
    figure.update_yaxes(title="throughput, infer/s", **_axis(_throughputs(found)))
    return _finished(figure)


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
        figure=_figure(110 + sum(60 + _BAR_HEIGHT * len(bars[panel]) for panel in panels)),
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
    return _finished(figure)


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


def _lines(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each line by its label, in order of concurrency."""
    lines: dict[str, list[Row]] = {}
    for name, row in zip(labels(rows), rows):
        lines.setdefault(name, []).append(row)
    return {name: sorted(line, key=lambda row: row["concurrency"]) for name, line in lines.items()}


def _line(name: str, line: Sequence[Row], x: Sequence[float], look: Mapping[str, tuple[str, str]]) -> go.Scatter:
    """A line through points, with the extremes of the repeats as error bars of the throughput."""
    colour, symbol = look[line[0]["variant"]]
    ceiling = line[0]["variant"] == CEILING
    return go.Scatter(
        name=f"{name} (ceiling)" if ceiling else name,
        mode="lines+markers",
        x=list(x),
        y=[row["throughput"] for row in line],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [row["throughput_max"] - row["throughput"] for row in line],
            "arrayminus": [row["throughput"] - row["throughput_min"] for row in line],
            "thickness": 1.2,
            "width": 4,
        },
        line={"color": colour, "width": 2, "dash": "dash" if ceiling else _DASHES[line[0]["protocol"]]},
        marker={
            "size": 9,
            "symbol": [symbol if row["status"] == "stable" else f"{symbol}-open" for row in line],
            "line": {"width": 2, "color": colour},
        },
        customdata=[_hover(row) for row in line],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _hover(row: Row) -> str:
    figures = f"{number(row['throughput'])} infer/s, {milliseconds(typical_latency(row))} ms"
    return f"<b>{row['variant']}</b>, concurrency {row['concurrency']}<br>{figures}<br>{row['status']}"


def _milliseconds(rows: Sequence[Row]) -> list[float]:
    """Latencies of rows, those without one left out."""
    return [latency / 1000 for row in rows if (latency := typical_latency(row)) is not None]


def _throughputs(rows: Sequence[Row]) -> list[float]:
    """All that the error bars of a plot reach to."""
    return [row[key] for row in rows for key in ("throughput_min", "throughput_max")]


def _axis(values: Sequence[float]) -> dict[str, Any]:
    """An axis for these values: from 0, or logarithmic with ticks at 1, 2 and 5 when they range widely."""
    found = [value for value in values if value > 0]
    if not found or max(found) / min(found) <= _LOG_FACTOR:
        return {"type": "linear", "rangemode": "tozero"}
    decades = range(math.floor(math.log10(min(found))), math.ceil(math.log10(max(found))) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}


def _figure(height: int) -> go.Figure:
    """An empty figure without a background of its own."""
    figure = go.Figure()
    figure.update_layout(
        template="none",
        height=height,
        autosize=True,
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 10, "r": 10, "t": 70, "b": 10},
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top"},
    )
    return figure


def _finished(figure: go.Figure) -> go.Figure:
    """Room for the labels of all axes, which exist by now."""
    figure.update_xaxes(automargin=True, zeroline=False)
    figure.update_yaxes(automargin=True, zeroline=False)
    return figure
