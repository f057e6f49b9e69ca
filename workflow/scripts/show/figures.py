"""What the plots share: looks of the variants, lines with labels, axes.

Plots are plotly figures without colours of the page: those follow the reader's light or dark scheme. Variants keep
their colour and marker in all plots; a hollow marker is a point that is not stable. A trace says in its `meta` which
`variant` it belongs to, so that the page can hide it; traces with the role `label` are shown where there is room.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from analyse.formatting import milliseconds, number
from analyse.rows import Row, bounds, typical_latency, variants
from record.points import CEILING
from serve.variants import VARIANTS

# Apart for colour-blind readers, and with a contrast of 3 on white and on the dark page. The registry's order decides
# which is whose, so a variant has the same colour and marker in every report.
_COLOURS = [
    "#1F83C4", "#D55E00", "#00916A", "#B5548F", "#8C6D00", "#5B6FD6", "#C2402F", "#5F8A00", "#0F8B8D",
    "#8A6BC1", "#A0674B",
]  # fmt: skip
# Their outlines in a square of 12 by 12, for the page. One less than colours: pairs recur after 110 variants.
_SYMBOLS = {
    "circle": "M6 1a5 5 0 1 0 0 10a5 5 0 1 0 0-10z",
    "square": "M1.5 1.5h9v9h-9z",
    "diamond": "M6 0l6 6l-6 6l-6-6z",
    "triangle-up": "M6 1l6 10h-12z",
    "triangle-down": "M6 11l6-10h-12z",
    "star": "M6 0l1.6 4.2l4.4.2l-3.5 2.7l1.2 4.4l-3.7-2.5l-3.7 2.5l1.2-4.4l-3.5-2.7l4.4-.2z",
    "pentagon": "M6 .5l5.7 4.2l-2.2 6.8h-7l-2.2-6.8z",
    "hexagon2": "M3 .8h6l3 5.2l-3 5.2h-6l-3-5.2z",
    "bowtie": "M0 1l6 5l6-5v10l-6-5l-6 5z",
    "cross": "M4 0h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
}
# Of what is no variant of this run, or computes nothing.
GREY = "#7A7F87"
_X = "M1 2.8l1.8-1.8l3.2 3.2l3.2-3.2l1.8 1.8l-3.2 3.2l3.2 3.2l-1.8 1.8l-3.2-3.2l-3.2 3.2l-1.8-1.8l3.2-3.2z"
# A range wider than this factor is shown on a logarithmic axis.
_LOG_FACTOR = 20
_MARGIN = {"l": 10, "r": 16, "t": 16, "b": 56}
_LABEL_HEIGHT = 15
# That stand side by side below a plot on a phone.
_CHARACTERS = 44
# What an axis grows by, of its length, so that labels stand at its end clear of lines and intervals.
_ROOM = 0.03

# A figure of a row with its bounds: value, low, high; None where the row has none.
Reading = Callable[[Row], tuple[float, float, float] | None]


@dataclass(frozen=True)
class Look:
    """How a variant appears: a colour, plotly's name of a marker, the same marker as an SVG path."""

    colour: str
    symbol: str
    path: str


def looks(rows: Sequence[Row]) -> dict[str, Look]:
    """The look of each variant, the same in every report; grey for the ceiling."""
    names = dict.fromkeys(row["variant"] for row in rows)
    known = [name for name in dict.fromkeys([*VARIANTS, *names]) if name != CEILING]
    chosen = zip(itertools.cycle(_COLOURS), itertools.cycle(_SYMBOLS.items()))
    models = {name: Look(colour, *symbol) for name, (colour, symbol) in zip(known, chosen)}
    return {name: models.get(name, Look(GREY, "x", _X)) for name in names}


def throughput(row: Row) -> tuple[float, float, float] | None:
    """The throughput of a row with its bounds; None where it has none."""
    return None if row["throughput"] is None else (row["throughput"], *bounds(row))


def lines(
    rows: Sequence[Row],
    look: Mapping[str, Look],
    x: Callable[[Row], float | None],
    height: int,
    y: Reading = throughput,
) -> go.Figure:
    """`y` over `x`, one line per variant through its loads, named on the right."""
    found = [row for row in rows if y(row) is not None and x(row) is not None]
    result = figure(height)
    axis = {
        "x": axis_of([value for row in found if (value := x(row)) is not None]),
        "y": axis_of([bound for _, *reach in _read(found, y) for bound in reach]),
    }
    low, high = axis["x"]["range"]
    axis["x"]["range"] = [low, high + _ROOM * (high - low)]
    ends = {name: _read(members[-1:], y)[0] for name, members in variants(found).items()}
    heights = spread_out({name: position(axis["y"], value) for name, (value, *_) in ends.items()}, height)
    for name, members in variants(found).items():
        result.add_trace(line(name, members, [x(row) for row in members], look[name], y))
        result.add_trace(label(name, at(axis["x"], 1), at(axis["y"], heights[name]), look[name]))
    result.update_xaxes(axis["x"])
    result.update_yaxes(axis["y"])
    return result


def line(name: str, rows: Sequence[Row], x: Sequence[float | None], look: Look, y: Reading = throughput) -> go.Scatter:
    """A line through points that all have a `y`, with its interval as error bars."""
    values = _read(rows, y)
    return go.Scatter(
        name=f"{name} (ceiling)" if name == CEILING else name,
        meta={"variant": name},
        mode="lines+markers",
        x=list(x),
        y=[value for value, _, _ in values],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, _, high in values],
            "arrayminus": [value - low for value, low, _ in values],
            "thickness": 1.2,
            "width": 4,
        },
        line={"color": look.colour, "width": 2, "dash": "dash" if name == CEILING else "solid"},
        marker={
            "size": 9,
            "symbol": [symbol(look, row) for row in rows],
            "line": {"width": 2, "color": look.colour},
        },
        customdata=[_hover(row) for row in rows],
        hovertemplate="%{customdata}<extra></extra>",
        # Labels and error bars may reach beyond the last tick.
        cliponaxis=False,
    )


def _read(rows: Sequence[Row], y: Reading) -> list[tuple[float, float, float]]:
    return [value for row in rows if (value := y(row)) is not None]


def symbol(look: Look, row: Row) -> str:
    """The marker of a point: hollow when it is not stable."""
    return look.symbol if row["status"] == "stable" else f"{look.symbol}-open"


def label(name: str, x: float, y: float, look: Look | None = None) -> go.Scatter:
    """The name of a line right of a point, with the marker of the line where it does not stand at its end."""
    return go.Scatter(
        meta={"variant": name, "role": "label"},
        mode="markers+text" if look else "text",
        marker={"size": 8, "symbol": look.symbol, "color": look.colour} if look else None,
        x=[x],
        y=[y],
        text=[f"   {name}"],
        textposition="middle right",
        textfont={"size": 12},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _hover(row: Row) -> str:
    low, high = bounds(row)
    figures = f"{number(row['throughput'])} infer/s [{number(low)}, {number(high)}]"
    latency = f"{milliseconds(typical_latency(row))} ms"
    where = f"concurrency {row['concurrency']}" + (f", {row['shape']}" if row["shape"] else "")
    return f"<b>{row['variant']}</b>, {where}<br>{figures}, {latency}<br>{row['status']}"


def spread_out(wanted: Mapping[str, float], height: int) -> dict[str, float]:
    """Heights (0 to 1 of an axis in a plot of `height` pixels) moved apart so that labels there do not overlap.

    Labels that are too near to each other stand one above the other, around the middle of where they belong.
    """
    gap = _LABEL_HEIGHT / (height - _MARGIN["t"] - _MARGIN["b"])
    names = sorted(wanted, key=lambda name: wanted[name])
    groups: list[list[float]] = []
    for index, name in enumerate(names):
        groups.append([wanted[name] - index * gap])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    lowest = [fmean(group) for group in groups for _ in group]
    highest = 1 - (len(names) - 1) * gap
    return {name: max(0, min(one, highest)) + index * gap for index, (name, one) in enumerate(zip(names, lowest))}


def position(axis: Mapping[str, Any], value: float) -> float:
    """Where a value lies on an axis, from 0 to 1."""
    low, high = axis["range"]
    return float(((math.log10(value) if axis["type"] == "log" else value) - low) / (high - low))


def at(axis: Mapping[str, Any], place: float) -> float:
    """The value at a position of an axis: the inverse of `position`."""
    low, high = axis["range"]
    value = low + place * (high - low)
    return float(10**value if axis["type"] == "log" else value)


def axis_of(values: Sequence[float]) -> dict[str, Any]:
    """An axis for these values: from 0, or logarithmic with ticks at 1, 2 and 5 when they range widely."""
    found = [value for value in values if value > 0]
    if not found:
        return {"type": "linear", "range": [0, 1]}
    low, high = min(found), max(found)
    if high / low <= _LOG_FACTOR:
        return {"type": "linear", "range": [0, 1.06 * high], "tickformat": ","}
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    limits = [math.log10(low) - 0.06, math.log10(high) + 0.06]
    return {"type": "log", "range": limits, "tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}


def ticks(values: Sequence[float], texts: Mapping[Any, str] | None = None) -> dict[str, Any]:
    """Ticks at these values of an axis, with texts where those leave room for each other; the highest has one."""
    axis, ordered = axis_of(values), sorted(set(values), reverse=True)
    named: dict[float, str] = {}
    last = math.inf
    for value in ordered:
        text = texts[value] if texts else f"{value:g}"
        # Of a narrow page, where a character takes about a fiftieth of an axis.
        if last - position(axis, value) > (len(text) + 2) / _CHARACTERS:
            named[value], last = text, position(axis, value)
    return {"tickvals": ordered[::-1], "ticktext": [named.get(value, "") for value in ordered[::-1]]}


def figure(height: int) -> go.Figure:
    """An empty figure without a background of its own; the page's controls are its legend."""
    result = go.Figure()
    result.update_layout(
        template="none",
        height=height,
        autosize=True,
        dragmode=False,
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin=_MARGIN,
        font={"family": "system-ui, sans-serif", "size": 13},
    )
    result.update_xaxes(automargin=True, zeroline=False)
    result.update_yaxes(automargin=True, zeroline=False, title_standoff=20)
    return result
