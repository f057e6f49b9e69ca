"""Section limits: the ceiling, what a model does without a server, and what was measured, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.formatting import number
from analyse.rows import Row, bounds, headline, models, place
from record.points import CEILING
from show import figures

_ROW_HEIGHT = 34


def view(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """`place`, `ceiling` (a row or None), `batches` measured in process, and `lines`: a row, its limits by batch."""
    level, limits = _measured(document), _in_process(document)
    ceiling = _ceiling(document)
    lines = [(row, limits.get(row["variant"], {})) for row in models(level)]
    if ceiling is None and not limits:
        return None
    batches = sorted({batch for found in limits.values() for batch in found})
    return {"place": place(headline(document["rows"])[0]), "ceiling": ceiling, "batches": batches, "lines": lines}


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """The plot of the section."""
    return {"limits": side_by_side(document)}


def side_by_side(document: Mapping[str, Any]) -> go.Figure:
    """One line per variant: the measured throughput and its limits."""
    level, limits, ceiling = models(_measured(document))[::-1], _in_process(document), _ceiling(document)
    figure = figures.figure(96 + _ROW_HEIGHT * len(level))
    look = figures.looks(document["rows"])
    for row in level:
        figure.add_trace(_measured_at(row, look[row["variant"]]))
        if found := limits.get(row["variant"]):
            figure.add_trace(_limits(row["variant"], found, look[row["variant"]].colour))
    if ceiling and level:
        figure.add_vline(ceiling["throughput"], line={"color": "#7A7F87", "dash": "dash", "width": 2})
    reach = [bound for row in level for bound in bounds(row)]
    reach += [one["throughput"] for found in limits.values() for one in found.values()]
    reach += [ceiling["throughput"]] if ceiling else []
    figure.update_xaxes({**figures.axis_of(reach), "title": "throughput, samples/s"})
    return figure


def _measured(document: Mapping[str, Any]) -> list[Row]:
    return [row for row in headline(document["rows"]) if row["throughput"] is not None]


def _ceiling(document: Mapping[str, Any]) -> Row | None:
    return next((row for row in _measured(document) if row["variant"] == CEILING), None)


def _in_process(document: Mapping[str, Any]) -> dict[str, dict[int, Mapping[str, Any]]]:
    """What models do without a server: by variant and batch size."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for one in document["in_process"]:
        found.setdefault(one["variant"], {})[one["batch_size"]] = one
    return found


def _measured_at(row: Row, look: figures.Look) -> go.Scatter:
    low, high = bounds(row)
    return go.Scatter(
        meta={"variant": row["variant"]},
        mode="markers",
        x=[row["throughput"]],
        y=[row["variant"]],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - row["throughput"]],
            "arrayminus": [row["throughput"] - low],
            "color": look.colour,
        },
        marker={"size": 11, "symbol": look.symbol, "color": look.colour},
        hovertemplate=f"<b>{row['variant']}</b>, measured<br>{number(row['throughput'])} infer/s<extra></extra>",
    )


def _limits(name: str, found: Mapping[int, Mapping[str, Any]], colour: str) -> go.Scatter:
    batches: Sequence[int] = sorted(found)
    return go.Scatter(
        meta={"variant": name},
        mode="markers+text",
        x=[found[batch]["throughput"] for batch in batches],
        y=[name] * len(batches),
        text=[f"{batch}" for batch in batches],
        textposition="top center",
        textfont={"size": 11},
        marker={"size": 14, "symbol": "line-ns-open", "color": colour, "line": {"width": 3, "color": colour}},
        customdata=[f"batch {batch}: {number(found[batch]['throughput'])} samples/s" for batch in batches],
        hovertemplate=f"<b>{name}</b>, without a server<br>%{{customdata}}<extra></extra>",
    )
