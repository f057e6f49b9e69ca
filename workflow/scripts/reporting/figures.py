"""What the plots share: looks of the variants, lines, axes.

Plots are plotly figures without colours of the page: those follow the reader's light or dark scheme. Variants keep
their colour and marker in all plots; a hollow marker is a point that is not stable.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from measurement.points import CEILING
from reporting.rows import Row, labels, typical_latency
from reporting.words import milliseconds as in_milliseconds
from reporting.words import number

# Apart for colour-blind readers, and with a contrast of 3 on white and on the dark page.
_COLOURS = ["#1F83C4", "#D55E00", "#00916A", "#B5548F", "#8C6D00", "#5B6FD6", "#C2402F", "#5F8A00", "#0F8B8D"]
_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "star", "pentagon", "hexagram", "bowtie"]
_CEILING_LOOK = ("#7A7F87", "x")
_DASHES = {"grpc": "solid", "http": "dot"}
# A range wider than this factor is shown on a logarithmic axis.
_LOG_FACTOR = 20


def looks(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each variant, in order of appearance; grey for the ceiling."""
    variants = dict.fromkeys(row["variant"] for row in rows if row["variant"] != CEILING)
    chosen = zip(variants, itertools.cycle(zip(_COLOURS, _SYMBOLS, strict=True)))
    return {CEILING: _CEILING_LOOK, **dict(chosen)}


def lines(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each line by its label, in order of concurrency."""
    lines: dict[str, list[Row]] = {}
    for name, row in zip(labels(rows), rows):
        lines.setdefault(name, []).append(row)
    return {name: sorted(line, key=lambda row: row["concurrency"]) for name, line in lines.items()}


def line(name: str, line: Sequence[Row], x: Sequence[float], look: Mapping[str, tuple[str, str]]) -> go.Scatter:
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
    figures = f"{number(row['throughput'])} infer/s, {in_milliseconds(typical_latency(row))} ms"
    return f"<b>{row['variant']}</b>, concurrency {row['concurrency']}<br>{figures}<br>{row['status']}"


def milliseconds(rows: Sequence[Row]) -> list[float]:
    """Latencies of rows, those without one left out."""
    return [latency / 1000 for row in rows if (latency := typical_latency(row)) is not None]


def throughputs(rows: Sequence[Row]) -> list[float]:
    """All that the error bars of a plot reach to."""
    return [row[key] for row in rows for key in ("throughput_min", "throughput_max")]


def axis(values: Sequence[float]) -> dict[str, Any]:
    """An axis for these values: from 0, or logarithmic with ticks at 1, 2 and 5 when they range widely."""
    found = [value for value in values if value > 0]
    if not found or max(found) / min(found) <= _LOG_FACTOR:
        return {"type": "linear", "rangemode": "tozero"}
    decades = range(math.floor(math.log10(min(found))), math.ceil(math.log10(max(found))) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}


def figure(height: int) -> go.Figure:
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


def finished(figure: go.Figure) -> go.Figure:
    """Room for the labels of all axes, which exist by now."""
    figure.update_xaxes(automargin=True, zeroline=False)
    figure.update_yaxes(automargin=True, zeroline=False)
    return figure
