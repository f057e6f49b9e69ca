"""The section about the GPU: how much of it each point used."""

from collections.abc import Mapping
from typing import Any


def view(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rows that have figures of a GPU; None when none has."""
    rows = [row for row in document["rows"] if row["gpu_utilization"] is not None]
    return {"rows": rows} if rows else None
