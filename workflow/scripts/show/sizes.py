"""Section sizes: throughput, latency and the model's own metrics against the size of the inputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from analyse.contents import Document
from analyse.growth import by_size, elements, place_of_sizes
from analyse.rows import Row, models
from model import shapes
from show import figures


def view(document: Document) -> dict[str, Any] | None:
    """The rows at the `highest` and the `lowest` concurrency, in words too; None with fewer than two shapes."""
    high, low = (by_size(document["rows"], choose) for choose in (max, min))
    if not high:
        return None
    return {"highest": high, "lowest": low, "place": place_of_sizes(high[0]), "place_low": place_of_sizes(low[0])}


def plots(document: Document) -> dict[str, go.Figure]:
    """Throughput and the model's metrics at the highest concurrency, the latency at the lowest, over the size."""
    high, low = (by_size(document["rows"], choose) for choose in (max, min))
    if not high:
        return {}
    look = figures.looks(document["rows"])
    found = {
        "sizes-throughput": _over_size(high, look, figures.throughput, "throughput, infer/s"),
        "sizes-latency": _over_size(low, look, _latency, "latency (p50), ms"),
    }
    for name in document["metrics"]:
        found[f"sizes-{name}"] = _over_size(models(high), look, _metric(name), name.replace("_", " "))
    return found


def _over_size(rows: Sequence[Row], look: Mapping[str, figures.Look], y: figures.Reading, title: str) -> go.Figure:
    result = figures.lines(rows, look, elements, 400, y)
    # One input names the axis, and not every tick.
    (name, *others) = shapes.parse(rows[0]["shape"])
    texts = {elements(row): row["shape"] if others else row["shape"].partition(":")[2] for row in rows}
    ticks = figures.ticks(list(texts), texts)
    result.update_xaxes(title_text="shape of a sample" if others else name, **ticks)
    result.update_yaxes(title_text=title)
    return result


def _latency(row: Row) -> tuple[float, float, float] | None:
    found = [row[name] for name in ("latency_p50", "latency_p50_low", "latency_p50_high")]
    if found[0] is None:
        return None
    value, low, high = (found[0] if one is None else one for one in found)
    return value / 1000, low / 1000, high / 1000


def _metric(name: str) -> figures.Reading:
    return lambda row: None if row[name] is None else (row[name],) * 3
