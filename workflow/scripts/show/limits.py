"""Section limits: what was measured beside the ceiling, the model alone, and the bound that the two set together."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.contents import Document
from analyse.formatting import number
from analyse.growth import by_size, place_of_sizes
from analyse.rows import Row, bounds, headline, models, place
from show import figures

_ROW_HEIGHT = 34
# What limits a row, with its marker in the plot.
MARKERS = {"ceiling": "x-thin-open", "model alone": "diamond-tall-open", "bound": "line-ns-open"}


def view(document: Document) -> dict[str, Any] | None:
    """`place` in words, `lines`: rows with their limits, whether there are `several` shapes; None without limits."""
    rows = _rows(document)
    lines = [(row, limits(row)) for row in models(rows)]
    if not (document["in_process"] or any(found for _, found in lines)):
        return None
    several = len({row["shape"] for row in rows}) > 1
    first = headline(document["rows"])[0]
    return {"place": place_of_sizes(first) if several else place(first), "lines": lines, "several": several}


def plots(document: Document) -> dict[str, go.Figure]:
    """One line per variant and shape: the measured throughput with its interval, and its limits."""
    rows, look = models(_rows(document))[::-1], figures.looks(document["rows"])
    several = len({row["shape"] for row in rows}) > 1
    figure = figures.figure(96 + _ROW_HEIGHT * len(rows))
    for row in rows:
        name = f"{row['variant']} {row['shape']}" if several else row["variant"]
        figure.add_traces([_limits(row, name, look[row["variant"]]), _measured(row, name, look[row["variant"]])])
    reach = [figure for row in rows for figure in (*bounds(row), *limits(row).values())]
    figure.update_xaxes({**figures.axis_of(reach), "title_text": "throughput, samples/s"})
    return {"limits": figure}


def limits(row: Row) -> dict[str, float]:
    """The limits that are known of a row, in samples per second: those of its own load and shape."""
    shares = {
        "ceiling": row["ceiling_fraction"],
        "model alone": row["in_process_fraction"],
        "bound": row["bound_fraction"],
    }
    return {name: row["throughput"] / share for name, share in shares.items() if share}


def _rows(document: Document) -> list[Row]:
    """The rows with figures at the load that is compared first, at every shape."""
    rows: Sequence[Row] = document["rows"]
    return [row for row in by_size(rows, max) or headline(rows) if row["throughput"] is not None]


def _measured(row: Row, name: str, look: figures.Look) -> go.Scatter:
    low, high = bounds(row)
    return go.Scatter(
        meta={"variant": row["variant"]},
        mode="markers",
        x=[row["throughput"]],
        y=[name],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - row["throughput"]],
            "arrayminus": [row["throughput"] - low],
            "color": look.colour,
        },
        marker={"size": 11, "symbol": figures.symbol(look, row), "color": look.colour},
        hovertemplate=f"<b>{name}</b>, measured<br>{number(row['throughput'])} samples/s<extra></extra>",
    )


def _limits(row: Row, name: str, look: figures.Look) -> go.Scatter:
    found = limits(row)
    return go.Scatter(
        meta={"variant": row["variant"]},
        mode="markers",
        x=list(found.values()),
        y=[name] * len(found),
        marker={
            "size": [18 if limit == "bound" else 10 for limit in found],
            "symbol": [MARKERS[limit] for limit in found],
            "color": [figures.GREY if limit == "ceiling" else look.colour for limit in found],
            "line": {"width": 2.5},
            "opacity": 1,
        },
        customdata=[f"{limit}: {number(value)} samples/s" for limit, value in found.items()],
        hovertemplate=f"<b>{name}</b><br>%{{customdata}}<extra></extra>",
    )
