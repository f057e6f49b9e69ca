"""What a lower precision gains at the served endpoint, and what it costs in right answers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analyse.checks import agreement, checks, largest
from analyse.contents import Health
from analyse.formatting import error, number, points, times
from analyse.head_to_head import Comparison, between
from analyse.intervals import Interval, mcnemar, paired_difference
from analyse.pareto import front
from analyse.rows import Row, headline, models
from plan.processor import emulated
from serve.variants import in_fp32, precision_of


@dataclass(frozen=True)
class Answers:
    """The answers of a variant against the reference's on the labelled samples.

    differing: samples with another answer. change: of the accuracy, with its interval; p: that chance makes so clear
    a change.
    """

    samples: int
    differing: int
    accuracy: float
    change: Interval
    p: float


def precisions(
    rows: Sequence[Row],
    health: Mapping[str, Health],
    comparisons: Sequence[Mapping[str, Any]],
    flags: Collection[str],
) -> list[dict[str, Any]]:
    """One entry for each variant that is served in several precisions or in a lower one, in the order of the rows.

    At the load that is compared first. ratio: to the same in fp32, from the rounds; None where it is `base` itself or
    was not measured. front: no healthy one serves more at an accuracy as high. text: None for fp32. `flags`: those of
    the processor.
    """
    level = models(headline(rows))
    lower = {in_fp32(row["variant"]) for row in level if precision_of(row["variant"]) != "fp32"}
    shown = [row for row in level if in_fp32(row["variant"]) in lower]
    answers = {row["variant"]: _answers(health[row["variant"]]) for row in shown}
    best = _front(shown, health, answers)
    return [_entry(row, health[row["variant"]], answers[row["variant"]], comparisons, flags, best) for row in shown]


def _entry(
    row: Row,
    health: Health,
    answers: Answers | None,
    comparisons: Sequence[Mapping[str, Any]],
    flags: Collection[str],
    best: Collection[str],
) -> dict[str, Any]:
    name = row["variant"]
    precision = precision_of(name)
    compared = between(comparisons, name, in_fp32(name))
    return {
        "variant": name,
        "base": in_fp32(name),
        "precision": precision,
        "throughput": row["throughput"],
        "ratio": asdict(compared.ratio) if compared and compared.ratio else None,
        "answers": answers and asdict(answers),
        "agreement": agreement(checks(health)),
        "max_rel_error": largest(checks(health), "max_rel_error"),
        "healthy": health["healthy"],
        "reasons": health["reasons"],
        "emulated": emulated(precision, flags),
        "front": name in best,
        "text": None if precision == "fp32" else _sentence(row, health, answers, compared),
    }


def _answers(health: Health) -> Answers | None:
    """Of the protocol that changes the accuracy most; None where accuracy is not defined."""
    found = [one["paired"] for one in health["protocols"].values() if one["paired"]]
    if not found:
        return None
    worst = max(found, key=lambda one: one["reference_alone"] - one["variant_alone"])
    both, gained, lost = worst["both"], worst["variant_alone"], worst["reference_alone"]
    samples = both + gained + lost + worst["neither"]
    change = paired_difference(gained, lost, samples)
    return Answers(samples, worst["differing"], (both + gained) / samples, change, mcnemar(gained, lost))


def _front(rows: Iterable[Row], health: Mapping[str, Health], answers: Mapping[str, Answers | None]) -> set[str]:
    """The healthy variants than which no other one serves more at an accuracy as high."""
    usable = [
        (row["variant"], row["throughput"], found.accuracy)
        for row in rows
        if (found := answers[row["variant"]]) and health[row["variant"]]["healthy"] and row["throughput"] is not None
    ]
    return {name for name, *_ in front(usable, lambda one: one[1], lambda one: -one[2])}


def _sentence(row: Row, health: Health, answers: Answers | None, compared: Comparison | None) -> str:
    """`openvino_int8: 1.9× at 65, 3 of 1,000 answers differ, accuracy −0.1 % [−0.4, 0.2]`."""
    name = row["variant"]
    if not health["healthy"]:
        return f"{name} is refused: {'; '.join(health['reasons'])}"
    speed = _speed(compared, row["concurrency"]) if compared else []
    if answers is None:
        cost = [f"largest relative error {error(largest(checks(health), 'max_rel_error'))}"]
    else:
        change = answers.change
        cost = [
            f"{number(answers.differing)} of {number(answers.samples)} answers differ",
            f"accuracy {points(asdict(change))}",
        ]
    return f"{name}: {', '.join([*speed, *cost])}"


def _speed(compared: Comparison, concurrency: int) -> list[str]:
    """The ratio where a difference is shown, at the concurrency."""
    if compared.ratio and compared.difference_shown:
        return [f"{times(compared.ratio.middle)} {compared.base} at {concurrency}"]
    return [f"no difference to {compared.base} shown at {concurrency}"]
