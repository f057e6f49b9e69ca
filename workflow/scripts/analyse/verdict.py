"""The run in one sentence, and what qualifies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyse.between_variants import Comparison, baseline, ratio
from analyse.checks import agreement, checks, largest
from analyse.contents import Health
from analyse.formatting import accuracy, error, listed, number, percent
from analyse.formatting import ratio as in_words
from analyse.rows import Row, headline, models, place
from record.points import CEILING, STATUSES

_NOT_STABLE = {
    "client_bound": "the load generator sets the pace there",
    "unstable": "that point did not settle",
}


@dataclass(frozen=True)
class Verdict:
    """`text`: one sentence. `details`: sentences that qualify it."""

    text: str
    details: list[str]


def verdict(
    rows: Sequence[Row], health: Mapping[str, Health], comparisons: Sequence[Comparison], reference: str = "PyTorch"
) -> Verdict:
    """Which variant serves most at the highest concurrency, how that compares, and whether its answers are right.

    Healthy variants compete, those with the best status found among them; the ceiling never does. `reference`: what
    computed the outputs that answers are compared with.
    """
    level = headline(rows)
    usable = [row for row in models(level) if health[row["variant"]]["healthy"] and row["throughput"] is not None]
    if not usable:
        return Verdict(_without_winner(level, health), [])
    best = max((row["status"] for row in usable), key=STATUSES.index)
    compared = sorted((row for row in usable if row["status"] == best), key=lambda row: -row["throughput"])
    winner = compared[0]
    details = [
        *([f"Trust {winner['variant']}'s figure less: {_NOT_STABLE[best]}."] if best in _NOT_STABLE else []),
        *(_against_next(winner, other, comparisons) for other in compared[1:2]),
        *_of_ceiling(winner),
        *_left_out([row for row in models(level) if row not in compared], winner, health),
    ]
    right = correctness(health[winner["variant"]], reference)
    return Verdict(f"{_claim(winner, level, comparisons)}; {right}.", details)


def _claim(winner: Row, level: Sequence[Row], comparisons: Sequence[Comparison]) -> str:
    """What the fastest variant serves, against PyTriton's way where that was measured."""
    serves = f"{winner['variant']} serves {number(winner['throughput'])} infer/s {place(winner)}"
    base = baseline(level)
    found = ratio(comparisons, winner, base) if base and base is not winner else None
    if found is None:
        return serves
    if not found.difference_shown:
        return f"{serves}, and no difference from PyTriton with eager PyTorch is shown: {in_words(found)}"
    return f"{serves}, {in_words(found)} PyTriton with eager PyTorch"


def correctness(health: Health, reference: str) -> str:
    """Accuracy of a variant through the server, and how far its answers are those of the reference."""
    same = agreement(checks(health))
    if same is None:
        compared = f"within {error(largest(checks(health), 'max_abs_error'))} of {reference}"
    else:
        exact = f"every answer that of {reference}" if health["accuracy"] is None else f"equal to {reference}"
        compared = exact if same == 1 else f"agreement with {reference} {percent(same, 2)}"
    return f"accuracy {accuracy(health['accuracy'])}, {compared}"


def _against_next(winner: Row, other: Row, comparisons: Sequence[Comparison]) -> str:
    found = ratio(comparisons, winner, other)
    if found is None:
        factor = number(winner["throughput"] / other["throughput"], 2)
        return f"{factor}× {other['variant']}, the next; the repeats do not tell how sure that is."
    if not found.difference_shown:
        return f"No difference from {other['variant']}, the next, is shown: {in_words(found)}."
    return f"{in_words(found)} {other['variant']}, the next."


def _of_ceiling(winner: Row) -> list[str]:
    share = winner["ceiling_fraction"]
    if share is None:
        return []
    more = ": more than is possible, so the noise is at least as large" if share > 1 else ""
    return [f"{percent(share)} of the ceiling, a model that computes nothing{more}."]


def _left_out(rows: Sequence[Row], winner: Row, health: Mapping[str, Health]) -> list[str]:
    found = [f"{row['variant']} ({_worth(row, winner, health)})" for row in rows]
    return [f"Not compared: {listed(found)}."] if found else []


def _worth(row: Row, winner: Row, health: Mapping[str, Health]) -> str:
    """Why a row was not compared, with its figure where that is higher than the winner's."""
    if not health[row["variant"]]["healthy"]:
        return "unhealthy"
    status = str(row["status"]).replace("_", " ")
    higher = (row["throughput"] or 0) > winner["throughput"]
    return f"{status}, {number(row['throughput'])} infer/s" if higher else status


def _without_winner(level: Sequence[Row], health: Mapping[str, Health]) -> str:
    """The sentence when no variant has a point that counts."""
    where = place(level[0])
    if found := models(level):
        faults = [f"{row['variant']} {_fault(row, health)}" for row in found]
        return f"No variant has a usable point {where}: {listed(faults)}."
    ceiling = next(row for row in level if row["variant"] == CEILING)
    if ceiling["throughput"] is None:
        return f"Only the ceiling was measured, and it failed {where}."
    return f"Only the ceiling was measured: {number(ceiling['throughput'])} infer/s {where}."


def _fault(row: Row, health: Mapping[str, Health]) -> str:
    return "failed" if health[row["variant"]]["healthy"] else "is unhealthy"
