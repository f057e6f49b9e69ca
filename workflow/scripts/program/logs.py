"""When a job ran, from the log that program/cli.py writes for it."""

from datetime import datetime
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)s %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S,%f"
_LENGTH = len("2026-01-31 23:59:59,999")


def span(path: Path) -> tuple[datetime, datetime] | None:
    """First and last moment in a log, in local time; None when it has none, as logs of other programs."""
    moments = [moment for line in path.read_text(errors="replace").splitlines() if (moment := _moment(line))]
    return (moments[0], moments[-1]) if moments else None


def _moment(line: str) -> datetime | None:
    try:
        return datetime.strptime(line[:_LENGTH], _TIME).astimezone()
    except ValueError:
        return None
