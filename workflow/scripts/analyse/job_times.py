"""When jobs ran, from the logs that program/cli.py writes for them."""

from datetime import datetime
from pathlib import Path
from typing import TypedDict

_TIME = "%Y-%m-%d %H:%M:%S,%f"
_LENGTH = len("2026-01-31 23:59:59,999")


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
    """First and last moment in a log, in local time; None when it has none, as logs of other programs."""
    moments = [moment for line in path.read_text(errors="replace").splitlines() if (moment := _moment(line))]
    return (moments[0], moments[-1]) if moments else None


def _moment(line: str) -> datetime | None:
    try:
        return datetime.strptime(line[:_LENGTH], _TIME).astimezone()
    except ValueError:
        return None
