"""When jobs ran, from the logs that program/cli.py writes for them.

The clock of the machine may be set meanwhile: how long a job took is what it says itself, by a clock that only runs on.
"""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

_TIME = "%Y-%m-%d %H:%M:%S,%f"
_LENGTH = len("2026-01-31 23:59:59,999")
_DONE = re.compile(r" DEBUG done in ([\d.]+) s; ")


class Job(TypedDict):
    """When a job ran: its start in ISO 8601, and how many seconds."""

    job: str
    started: str
    seconds: float


def jobs(logs: Path) -> list[Job]:
    """Name, start (ISO 8601) and duration of every job whose log lies below `logs`, in order of their start."""
    spans = {path: moments for path in sorted(logs.rglob("*.log")) if (moments := span(path))}
    return [
        {
            "job": path.relative_to(logs).with_suffix("").as_posix(),
            "started": start.isoformat(timespec="milliseconds"),
            "seconds": round((end - start).total_seconds(), 3),
        }
        for path, (start, end) in sorted(spans.items(), key=lambda one: one[1])
    ]


def span(path: Path) -> tuple[datetime, datetime] | None:
    """Start and end of a job, in local time, by its log; None when it has no moments, as logs of other programs.

    One that did not end as it should lasted to its last line, or no time where the clock was set back.
    """
    text = path.read_text(errors="replace")
    moments = [moment for line in text.splitlines() if (moment := _moment(line))]
    if not moments:
        return None
    if done := _DONE.search(text):
        return moments[0], moments[0] + timedelta(seconds=float(done[1]))
    return moments[0], max(moments[0], moments[-1])


def _moment(line: str) -> datetime | None:
    try:
        return datetime.strptime(line[:_LENGTH], _TIME).astimezone()
    except ValueError:
        return None
