"""Successive halving: all contestants take a turn in each round, and after it the worse half of them leaves.

The turns of a round lie seconds apart, so that a drift of the machine hits all that are compared. Contestants that are
still in have taken part in all rounds, and are ranked by the geometric means of them.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any

from plan.settings.tune import Goal
from tuning import results

Row = Mapping[str, Any]
# Two are told apart by the proof.
_LEFT = 2


@dataclass(frozen=True)
class Contestant:
    """A configuration, by the name of its model, at one load."""

    config: str
    concurrency: int

    @property
    def default(self) -> bool:
        return self.config.endswith(results.DEFAULT)


def rounds(contestants: Sequence[Contestant], take: Callable[[Contestant], Row], goal: Goal) -> list[dict[str, Any]]:
    """The turns of all rounds: the points that `take` gives, with `config`, `concurrency`, `round` and `turn`."""
    turns = one_round(contestants, 1, take)
    standing = list(contestants)
    while len(standing) > _LEFT:
        standing = better_half(standing, turns, goal)
        turns += one_round(standing, turns[-1]["round"] + 1, take)
    return turns


def one_round(standing: Sequence[Contestant], number: int, take: Callable[[Contestant], Row]) -> list[dict[str, Any]]:
    """A turn of each. Their order is the same in every run, and another in every round."""
    order = random.Random(number).sample(standing, len(standing))
    return [{**vars(one), "round": number, "turn": place, **take(one)} for place, one in enumerate(order, 1)]


def turns_of(contestants: int) -> int:
    """How many turns all rounds of so many contestants have."""
    return contestants if contestants <= _LEFT else contestants + turns_of(_half(contestants))


def better_half(standing: Sequence[Contestant], turns: Sequence[Row], goal: Goal) -> list[Contestant]:
    """The better half of the contestants, the best first, among them always the best of the default configuration.

    Those that meet the constraints come first, by their objectives; then the others, by how far they miss.
    """
    measured = {one: summary(one, turns) for one in standing}
    ranked = sorted(
        standing,
        key=lambda one: (
            results.excess(measured[one], goal.constraints),
            -results.value(measured[one], goal.objectives),
        ),
    )
    kept = ranked[: _half(len(ranked))]
    if not any(one.default for one in kept):
        kept[-1] = next(one for one in ranked if one.default)
    return kept


def summary(one: Contestant, turns: Sequence[Row]) -> dict[str, Any]:
    """A contestant's row of results.csv: geometric means of its turns."""
    own = [turn for turn in turns if (turn["config"], turn["concurrency"]) == (one.config, one.concurrency)]
    points = [results.of_point(turn) for turn in own]
    means = {metric: geometric_mean(point[metric] for point in points) for metric in results.METRICS}
    return {**vars(one), "batch_size": own[0]["batch_size"], **means, "rounds": len(own)}


def _half(number: int) -> int:
    return (number + 1) // 2
