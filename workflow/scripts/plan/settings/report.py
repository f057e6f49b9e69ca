"""Settings of stage report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """models: for every variant the one whose model it serves. gpus: on how many devices that runs. loads, rounds,
    batches: how many rows a repeat of a sweep has, how many rounds all variants have at least, and how many rows a
    repeat without a server has."""

    models: dict[str, str]
    gpus: dict[str, int]
    loads: int
    rounds: int
    batches: int
