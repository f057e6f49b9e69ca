"""Section precision: what lower precisions gain and cost, and the front of throughput over accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.contents import Document
from analyse.formatting import number
from analyse.rows import headline, place
from show import figures

_HEIGHT = 320


def view(document: Document) -> dict[str, Any] | None:
    """`place` in words; `front`: the best, the most accurate first; whether calibration had `made_up` samples and any
    variant is `emulated`; None where nothing is served in a lower precision."""
    found = document["precisions"]
    if not found:
        return None
    return {
        "place": place(headline(document["rows"])[0]),
        "front": sorted((one for one in found if one["front"]), key=lambda one: one["throughput"]),
        "plotted": _plotted(found),
        "made_up": document["dataset"] is None and any(one["precision"] == "int8" for one in found),
        "emulated": sorted({one["precision"] for one in found if one["emulated"]}),
    }


def plots(document: Document) -> dict[str, go.Figure]:
    """Throughput over accuracy, one point per variant, above the front."""
    found = _plotted(document["precisions"])
    return {"precision": _figure(found, figures.looks(document["rows"]))} if found else {}


def _plotted(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The healthy ones whose accuracy is defined."""
    return [one for one in found if one["healthy"] and one["answers"] and one["throughput"] is not None]


def _figure(found: Sequence[Mapping[str, Any]], look: Mapping[str, figures.Look]) -> go.Figure:
    """The points with the intervals of their accuracy, and their names on the right."""
    result = figures.figure(_HEIGHT)
    reach = [bound for one in found for bound in _accuracy(one)]
    x = {"type": "linear", "range": [min(reach), max(reach) + 0.03 * (max(reach) - min(reach))]}
    y = figures.axis_of([one["throughput"] for one in found])
    heights = figures.spread_out({one["variant"]: figures.position(y, one["throughput"]) for one in found}, _HEIGHT)
    steps = sorted((one for one in found if one["front"]), key=lambda one: one["throughput"])
    result.add_trace(_front(steps))
    for one in found:
        name = one["variant"]
        result.add_trace(_point(one, look[name]))
        result.add_trace(figures.label(name, figures.at(x, 1), figures.at(y, heights[name]), look[name]))
    result.update_xaxes({**x, "title_text": "accuracy, %", "tickformat": ".1f"})
    result.update_yaxes({**y, "title_text": "throughput, infer/s"})
    return result


def _front(steps: Sequence[Mapping[str, Any]]) -> go.Scatter:
    return go.Scatter(
        name="front",
        meta={"role": "front"},
        mode="lines",
        x=[_accuracy(one)[1] for one in steps],
        y=[one["throughput"] for one in steps],
        line={"width": 12, "shape": "vh", "color": "rgba(128, 150, 190, 0.35)"},
        hoverinfo="skip",
    )


def _point(one: Mapping[str, Any], look: figures.Look) -> go.Scatter:
    low, middle, high = _accuracy(one)
    return go.Scatter(
        name=one["variant"],
        meta={"variant": one["variant"]},
        mode="markers",
        x=[middle],
        y=[one["throughput"]],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - middle],
            "arrayminus": [middle - low],
            "thickness": 1.2,
            "width": 4,
            "color": look.colour,
        },
        marker={"size": 11, "symbol": look.symbol, "color": look.colour},
        hovertemplate=(
            f"<b>{one['variant']}</b><br>{number(one['throughput'])} infer/s, accuracy {middle:.1f} %<extra></extra>"
        ),
    )


def _accuracy(one: Mapping[str, Any]) -> tuple[float, float, float]:
    """The accuracy in per cent between the bounds that the interval of its change sets to it."""
    middle, change = one["answers"]["accuracy"], one["answers"]["change"]
    low, high = (middle + change[end] - change["middle"] for end in ("low", "high"))
    return 100 * float(low), 100 * float(middle), 100 * float(high)
