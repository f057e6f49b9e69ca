"""The run in one sentence, from its figures alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from measurement.points import CEILING, STATUSES
from reporting.rows import Row, headline, models, place
from reporting.words import listed, number, percent, times

Health = Mapping[str, Mapping[str, Any]]

_NOT_STABLE = {
    "client_bound": "a point at which the load generator sets the pace",
    "unstable": "a point that did not become stable",
}


def verdict(rows: Sequence[Row], health: Health) -> str:
    """Which variant serves most at the highest concurrency, how that compares, and whether its answers are right.

    Healthy variants compete, those with the best status found among them; the ceiling never does.
    """
    level = headline(rows)
    usable = [
        row
        for row in models(level)
        if health[row["variant"]]["healthy"] and row["status"] != "failed" and row["throughput"] is not None
    ]
    if not usable:
        return _without_winner(level, health)
    best = max((row["status"] for row in usable), key=STATUSES.index)
    compared = sorted((row for row in usable if row["status"] == best), key=lambda row: -row["throughput"])
    winner = compared[0]
    start = f"{winner['variant']} serves {number(winner['throughput'])} infer/s {place(winner)}"
    if best in _NOT_STABLE:
        start += f", {_NOT_STABLE[best]}"
    figures = ", ".join([*(_against(winner, other) for other in compared[1:2]), *_of_ceiling(winner)])
    first = f"{start}: {figures}" if figures else start
    left_out = [f"{row['variant']} ({_worth(row, health)})" for row in models(level) if row not in compared]
    others = f" Not compared: {listed(left_out)}." if left_out else ""
    return f"{first}; {correctness(health[winner['variant']])}.{others}"


def agreement(health: Mapping[str, Any]) -> float:
    """Smallest share of samples on which a variant answers as PyTorch does, of all protocols and batch sizes."""
    return min(float(one["agreement"]) for found in health["protocols"].values() for one in found["parity"].values())


def correctness(health: Mapping[str, Any]) -> str:
    """Accuracy of a variant through the server, and how far its answers are PyTorch's."""
    same = agreement(health)
    compared = "equal to PyTorch" if same == 1 else f"agreement with PyTorch {percent(same, 2)}"
    return f"accuracy {percent(health['accuracy'], 1)}, {compared}"


def overlapping(one: Row, other: Row) -> bool:
    """Whether the repeats of two points leave open which is faster."""
    return bool(one["throughput_min"] <= other["throughput_max"] and other["throughput_min"] <= one["throughput_max"])


def _against(winner: Row, second: Row) -> str:
    ratio = f"{times(winner['throughput'] / second['throughput'])} {second['variant']}"
    # One repeat has no spread to compare with.
    unclear = min(winner["repeats"], second["repeats"]) > 1 and overlapping(winner, second)
    return f"{ratio} (their repeats overlap)" if unclear else ratio


def _of_ceiling(winner: Row) -> list[str]:
    share = winner["ceiling_fraction"]
    return [] if share is None else [f"{percent(share)} of the ceiling"]


def _worth(row: Row, health: Health) -> str:
    if not health[row["variant"]]["healthy"]:
        return "unhealthy"
    return str(row["status"]).replace("_", " ")


def _without_winner(level: Sequence[Row], health: Health) -> str:
    """The sentence when no variant has a point that counts."""
    where = place(level[0])
    if found := models(level):
        faults = [f"{row['variant']} {_fault(row, health)}" for row in found]
        return f"No variant has a usable point {where}: {listed(faults)}."
    ceiling = next(row for row in level if row["variant"] == CEILING)
    if ceiling["throughput"] is None:
        return f"Only the ceiling was measured, and it failed {where}."
    return f"Only the ceiling was measured: {number(ceiling['throughput'])} infer/s {where}."


def _fault(row: Row, health: Health) -> str:
    return "failed" if health[row["variant"]]["healthy"] else "is unhealthy"
