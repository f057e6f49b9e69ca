"""Settings of stage report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """models: for every variant the one whose model it serves."""

    models: dict[str, str]
