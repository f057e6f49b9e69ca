"""Whether one variant is faster than another: ratios of throughput from rounds that one job measured head to head.

In every round each variant is measured once, within seconds of the others, so what the machine does in a round is
common to all and cancels in their ratio. Pairs are formed within one round of one job alone. A turn that failed takes
its pair away; a turn that was disturbed although it was repeated counts, and is counted: ranks keep one odd round from
deciding.

The ratio of a pair is Hodges and Lehmann's estimate, with Tukey's interval at 95 % for this pair alone. Whether a
difference is shown is judged for all comparisons of the page together: Wilcoxon's signed-rank test with Holm's
correction, so that among equal variants any is called different in at most one run of twenty. With n rounds at most
0.05 · 2ⁿ⁻¹ comparisons are judged (12 with 9 rounds): a ratio whose rounds all agree is then always shown.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low
from typing import Any

import numpy as np
import pandas as pd

from analyse.intervals import CONFIDENCE, Interval, signed_rank
from record.points import CEILING
from serve.variants import in_fp32

FASTER, SLOWER, NOT_SHOWN, TOO_FEW = "faster", "slower", "no difference shown", "too few rounds"
# PyTriton with eager PyTorch, which others are compared with.
BASELINE = "pytriton"
# Variants that serve the model of `serving.inner`: what the way of serving costs.
AROUND_INNER = ("pytriton_engine", "bls", "ensemble")
_ERROR = round(1 - CONFIDENCE, 6)

Pair = tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """Throughput of `variant` over that of `base`, from `rounds` pairs, of which `disturbed` had a disturbed turn.

    ratio: None with fewer than six rounds. p: the probability of so clear a result if the two were equal. result:
    FASTER, SLOWER, NOT_SHOWN or TOO_FEW.
    """

    variant: str
    base: str
    rounds: int
    disturbed: int
    ratio: Interval | None
    p: float
    result: str = TOO_FEW

    @property
    def agrees(self) -> bool:
        """Whether all rounds say the same of which is faster."""
        return self.p <= 2.0 ** (1 - self.rounds)

    @property
    def difference_shown(self) -> bool:
        """Whether one of the two is faster, judged with all other comparisons."""
        return self.result in (FASTER, SLOWER)


def table(points: pd.DataFrame) -> pd.DataFrame:
    """The throughput of every turn that gave one: one row per host, job and round, one column per variant."""
    usable = points[points["throughput"] > 0]
    return usable.pivot(index=["host", "job", "round"], columns="variant", values="throughput").astype(float)


def comparisons(points: pd.DataFrame, ranked: Sequence[str], inner: str) -> list[Comparison]:
    """What the page says of pairs, judged together: the first of `ranked` against the second, all against BASELINE,
    what serves the engine of `inner` against it, and lower precisions against fp32. `ranked`: the variants that
    compete, the fastest first."""
    measured = set(points["variant"]) - {CEILING}
    wanted = [
        *pairwise(ranked[:2]),
        *((name, BASELINE) for name in ranked if name != BASELINE),
        *((name, inner) for name in AROUND_INNER if name != inner),
        *((name, in_fp32(name)) for name in ranked if in_fp32(name) != name),
    ]
    pairs = dict.fromkeys(pair for pair in wanted if measured.issuperset(pair))
    return ratios(points, list(pairs))


def ratios(points: pd.DataFrame, pairs: Sequence[Pair]) -> list[Comparison]:
    """The comparisons of `pairs`, the most important first: those beyond what the rounds can judge are TOO_FEW."""
    throughputs = table(points)
    disturbed = points[points["status"] == "disturbed"].set_index(["host", "job", "round", "variant"]).index
    found = [_compared(throughputs, set(disturbed), pair) for pair in pairs]
    # Of most pairs: rounds may have been added for the few that decide the verdict.
    rounds = median_low([one.rounds for one in found] or [0])
    most = int(_ERROR * 2.0 ** (rounds - 1))
    return [*_judged(found[:most]), *found[most:]]


def rounds_for(comparisons: int) -> int:
    """How many rounds it takes to judge as many comparisons together."""
    return math.ceil(math.log2(comparisons / _ERROR)) + 1


def between(found: Iterable[Mapping[str, Any]], variant: str, base: str) -> Comparison | None:
    """The comparison of `variant` with `base` among those of a perf_summary.json; None if it was not made."""
    for one in found:
        if (one["variant"], one["base"]) == (variant, base):
            return Comparison(**{**one, "ratio": one["ratio"] and Interval(**one["ratio"])})
    return None


def _compared(throughputs: pd.DataFrame, disturbed: set[tuple[Any, ...]], pair: Pair) -> Comparison:
    variant, base = pair
    both = throughputs.reindex(columns=pair).dropna()
    ratio, p = signed_rank(np.log(both[variant] / both[base]).tolist())
    marked = sum(any((*row, name) in disturbed for name in pair) for row in both.index)
    return Comparison(variant, base, len(both), marked, ratio, p)


def _judged(found: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with their results, by Holm's procedure (Scandinavian Journal of Statistics 6, 1979)."""
    results: dict[int, str] = {}
    shown = True
    for place, index in enumerate(sorted(range(len(found)), key=lambda index: found[index].p)):
        one = found[index]
        shown = shown and one.p <= _ERROR / (len(found) - place)
        results[index] = _result(one, shown)
    return [Comparison(**{**vars(one), "result": results[index]}) for index, one in enumerate(found)]


def _result(one: Comparison, shown: bool) -> str:
    if one.ratio is None or (one.agrees and not shown):
        return TOO_FEW
    if not shown:
        return NOT_SHOWN
    return FASTER if one.ratio.middle > 1 else SLOWER
