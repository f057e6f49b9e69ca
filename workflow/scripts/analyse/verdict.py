"""The run in a dozen words, the figures behind them, and what qualifies those."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyse.checks import agreement, checks, largest
from analyse.contents import Health
from analyse.formatting import accuracy, capitalized, error, listed, number, percent, times
from analyse.formatting import ratio as in_words
from analyse.head_to_head import BASELINE, NOT_SHOWN, TOO_FEW, Comparison, between, rounds_for
from analyse.rows import Row, headline, models, place
from record.points import CEILING, STATUSES

# The baseline in words.
DEMO = "PyTriton with eager PyTorch"
# An interval that reaches further than this from its middle hides differences that people ask for.
WIDE = 0.05
_NOT_STABLE = {
    "client_bound": "the load generator sets the pace there",
    "unstable": "that point did not settle",
}


@dataclass(frozen=True)
class Verdict:
    """`text`: at most twelve words. `details`: sentences with the figures behind it, and what qualifies them."""

    text: str
    details: list[str]


def contenders(rows: Sequence[Row], health: Mapping[str, Health]) -> list[Row]:
    """The rows that compete for the verdict, the fastest first.

    Those at the load that is compared first, of healthy variants with the best status found among them; the ceiling
    never competes.
    """
    level = models(headline(rows))
    usable = [row for row in level if health[row["variant"]]["healthy"] and row["throughput"] is not None]
    best = max((row["status"] for row in usable), key=STATUSES.index, default=None)
    return sorted((row for row in usable if row["status"] == best), key=lambda row: -row["throughput"])


def verdict(
    rows: Sequence[Row],
    health: Mapping[str, Health],
    comparisons: Sequence[Mapping[str, Any]],
    reference: str = "PyTorch",
) -> Verdict:
    """Which variant serves most at the highest concurrency, how that compares, and whether its answers are right.

    `comparisons`: those of a perf_summary.json. `reference`: what computed the outputs that answers are compared with.
    """
    level, compared = headline(rows), contenders(rows, health)
    if not compared:
        return Verdict(*_without_winner(level, health))
    winner, *others = compared
    base = between(comparisons, winner["variant"], BASELINE)
    following = between(comparisons, winner["variant"], others[0]["variant"]) if others else None
    beside = between(comparisons, others[0]["variant"], BASELINE) if others else None
    status = winner["status"]
    details = [
        f"{winner['variant']} serves {number(winner['throughput'])} infer/s {place(winner)}{_rounds(winner)};"
        f" {correctness(health[winner['variant']], reference)}.",
        *([f"Trust that figure less: {_NOT_STABLE[status]}."] if status in _NOT_STABLE else []),
        *([_against(base, DEMO)] if base else []),
        *([_against(following, f"{following.base} (the next)")] if following and following != base else []),
        *_too_noisy([one for one in (base, following) if one], len(comparisons)),
        *_of_ceiling(winner),
        *_left_out([row for row in models(level) if row not in compared], winner, health),
    ]
    return Verdict(_claim(winner["variant"], others, base, following, beside), details)


def _claim(
    winner: str,
    others: Sequence[Row],
    base: Comparison | None,
    following: Comparison | None,
    beside: Comparison | None,
) -> str:
    """The verdict: what the rounds show, and no more than that. `beside`: the next one's comparison with the demo."""
    made = [one for one in (base, following) if one]
    if not others:
        return f"{winner} is the only variant that competes."
    if not made or any(one.result == TOO_FEW for one in made):
        return f"{winner} served most, in too few rounds to be sure."
    if base and not base.difference_shown:
        return f"{winner} is not shown to be faster than {DEMO}."
    tied = following and not following.difference_shown
    leads = f"{winner} and {others[0]['variant']} lead" if tied else f"{winner} is fastest"
    if base and base.ratio:
        led = [times(one.ratio.middle) for one in (base, beside if tied else None) if one and one.ratio]
        return f"{leads}: {' and '.join(dict.fromkeys(led))} {DEMO}."
    if tied or not following or not following.ratio:
        return f"{leads}."
    return f"{leads}: {times(following.ratio.middle)} {following.base}, the next."


def _rounds(row: Row) -> str:
    """How often a throughput was measured, in words."""
    if not row["rounds"]:
        return ", measured once" if row["repeats"] == 1 else ""
    disturbed = f", {row['disturbed']} of them disturbed" if row["disturbed"] else ""
    return f", the median of {row['rounds']} rounds{disturbed}"


def _against(found: Comparison, base: str) -> str:
    """A comparison as a sentence."""
    if found.ratio is None or found.result == TOO_FEW:
        return f"{found.rounds} rounds are too few to compare it with {base}."
    disturbed = f" ({found.disturbed} of {found.rounds} rounds were disturbed)" if found.disturbed else ""
    if not found.difference_shown:
        return f"No difference from {base} is shown: {in_words(found.ratio)}{disturbed}."
    return f"{in_words(found.ratio)} {base}{disturbed}."


def _too_noisy(found: Sequence[Comparison], comparisons: int) -> list[str]:
    """What to do where the rounds do not tell two variants apart; `comparisons`: how many are judged together."""
    if any(one.result == TOO_FEW for one in found):
        return [f"Measure at least {rounds_for(comparisons)} rounds (sweep.rounds) to compare all variants."]
    wide = [one for one in found if one.result == NOT_SHOWN and one.ratio and one.ratio.width > WIDE]
    if not wide:
        return []
    return [
        f"The noise hides what is smaller than {percent(max(one.ratio.width for one in wide if one.ratio))}: measure"
        " more rounds (sweep.rounds, or sweep.until), or on a quieter machine."
    ]


def correctness(health: Health, reference: str) -> str:
    """Accuracy of a variant through the server, and how far its answers are those of the reference."""
    same = agreement(checks(health))
    if same is None:
        compared = f"within {error(largest(checks(health), 'max_abs_error'))} of {reference}"
    else:
        exact = f"every answer that of {reference}" if health["accuracy"] is None else f"equal to {reference}"
        compared = exact if same == 1 else f"agreement with {reference} {percent(same, 2)}"
    return f"accuracy {accuracy(health['accuracy'])}, {compared}"


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


def _without_winner(level: Sequence[Row], health: Mapping[str, Health]) -> tuple[str, list[str]]:
    """The verdict when no variant has a point that counts, and why."""
    where = place(level[0])
    if found := models(level):
        faults = [f"{row['variant']} {_fault(row, health)}" for row in found]
        return "No variant has a usable point.", [f"{capitalized(where)}: {listed(faults)}."]
    ceiling = next(row for row in level if row["variant"] == CEILING)
    if ceiling["throughput"] is None:
        return "Only the ceiling was measured, and it failed.", [f"{capitalized(where)}."]
    return "Only the ceiling was measured.", [f"{number(ceiling['throughput'])} infer/s {where}."]


def _fault(row: Row, health: Mapping[str, Health]) -> str:
    return "failed" if health[row["variant"]]["healthy"] else "is unhealthy"
