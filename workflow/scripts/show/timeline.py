"""Section timeline: which job ran when, from the jobs' logs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go

from analyse.contents import Document
from analyse.job_times import Job
from show import figures

# A longer time without any job is a pause between two invocations, and left out of the plot.
PAUSE = 60.0
# Of a job's bar, in pixels.
_HEIGHT = 16
_COLOUR = "#1F83C4"


def offsets(found: Sequence[Job]) -> list[float]:
    """When each job started, in seconds from the first, without pauses; `found` in order of their start."""
    result: list[float] = []
    busy_until = 0.0
    left_out = 0.0
    for start, job in zip(_seconds(found), found):
        if start - left_out > busy_until + PAUSE:
            left_out = start - busy_until
        result.append(start - left_out)
        busy_until = max(busy_until, result[-1] + job["seconds"])
    return result


def _seconds(found: Sequence[Job]) -> list[float]:
    moments = [datetime.fromisoformat(job["started"]) for job in found]
    return [(moment - moments[0]).total_seconds() for moment in moments]


def view(document: Document) -> dict[str, Any] | None:
    """The jobs by their duration, longest first; None when no log tells of any."""
    found = sorted(document["timeline"], key=lambda job: -job["seconds"])
    return {"longest": found, "total": sum(job["seconds"] for job in found)} if found else None


def plots(document: Document) -> dict[str, go.Figure]:
    """One bar per job, from its start to its end."""
    found = document["timeline"]
    if not found:
        return {}
    figure = figures.figure(120 + _HEIGHT * len(found))
    figure.add_trace(
        go.Bar(
            orientation="h",
            base=offsets(found),
            x=[job["seconds"] for job in found],
            y=[job["job"] for job in found],
            # The outline shows a job of no time.
            marker={"color": _COLOUR, "line": {"color": _COLOUR, "width": 1}},
            hovertemplate="%{y}<br>%{x:.1f} s<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="seconds", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", dtick=1, tickfont={"size": 10})
    figure.update_layout(showlegend=False, margin={"l": 10, "r": 10, "t": 10, "b": 10})
    return {"timeline": figure}
