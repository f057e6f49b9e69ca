"""Settings of stage report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """models: for every variant the one whose model it serves. gpus: on how many devices that runs."""

    models: dict[str, str]
    gpus: dict[str, int]
