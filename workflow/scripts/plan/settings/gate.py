"""Settings of stage gate."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """margin_percent: the slow-down that is let pass; against_ceiling: whether each run is relative to its ceiling."""

    margin_percent: float
    against_ceiling: bool
