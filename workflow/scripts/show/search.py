"""Section search: what was searched for each variant, the front, the choice, the default against the tuned."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from show import figures

# Colour and marker of what a measurement is.
_LOOKS = {
    "tuned": ("#D55E00", "star"),
    "default": ("#1F83C4", "circle"),
    "on the front": ("#00916A", "diamond"),
    "others": (figures.GREY, "x"),
}


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """The measurements of each choice, best first, and how many met the constraints."""
    return {
        choice["variant"]: {
            "rows": sorted(choice["measurements"], key=lambda row: -row["perf_throughput"]),
            "configurations": len({row["config"] for row in choice["measurements"]}),
            "met": sum(row["meets_constraints"] for row in choice["measurements"]),
        }
        for choice in document["tuning"]
    }


def plots(document: Mapping[str, Any]) -> dict[str, go.Figure]:
    """Throughput over p99 latency of every measurement, one plot per variant."""
    return {f"search_{choice['variant']}": measurements(choice) for choice in document["tuning"]}


def measurements(choice: Mapping[str, Any]) -> go.Figure:
    """Every measurement of a search, with the bound of the latency where there is one."""
    figure = figures.figure(440)
    groups: dict[str, list[Mapping[str, Any]]] = {name: [] for name in _LOOKS}
    for row in choice["measurements"]:
        groups[kind(row, choice)].append(row)
    for name, rows in groups.items():
        colour, symbol = _LOOKS[name]
        figure.add_trace(
            go.Scatter(
                name=name,
                mode="markers",
                x=[row["perf_latency_p99"] for row in rows],
                y=[row["perf_throughput"] for row in rows],
                text=[f"{row['config']}, concurrency {row['concurrency']}" for row in rows],
                hovertemplate="%{text}<br>%{y:,.0f} infer/s, p99 %{x} ms<extra></extra>",
                marker={"color": colour, "symbol": symbol, "size": 10},
            )
        )
    bound = choice["constraints"].get("perf_latency_p99", {}).get("max")
    if bound is not None:
        figure.add_vline(x=bound, line_dash="dash", line_color=figures.GREY, annotation_text=f"p99 ≤ {bound} ms")
    figure.update_xaxes(title_text="p99 latency, ms", **figures.axis_of(_values(choice, "perf_latency_p99")))
    figure.update_yaxes(title_text="throughput, infer/s", **figures.axis_of(_values(choice, "perf_throughput")))
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    return figure


def kind(row: Mapping[str, Any], choice: Mapping[str, Any]) -> str:
    """What a measurement is in the plot: the winner's configuration, the default, on the front, or another."""
    winner = choice["winner"]
    if row["default"]:
        return "default"
    if winner and (row["config"], row["concurrency"]) == (winner["config"], winner["concurrency"]):
        return "tuned"
    return "on the front" if row["on_front"] else "others"


def _values(choice: Mapping[str, Any], metric: str) -> Sequence[float]:
    return [row[metric] for row in choice["measurements"]]
