"""How sure a figure is that was measured a few times: intervals at 95 % confidence.

Throughputs and latencies are positive and vary in proportion to their size, so all is done on logarithms: deviations
are relative, and comparisons are ratios. The methods on ranks are exact and need no normal distribution: M. Hollander,
D. A. Wolfe and E. Chicken, Nonparametric Statistical Methods, 3rd ed., sections 3.1 to 3.6, 4.2 and 4.3.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
# Of one point: with fewer, pooled scatter would claim an interval for what was hardly repeated.
MIN_REPEATS = 3
_RESAMPLES = 10_000

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds that it lies between."""

    low: float
    middle: float
    high: float

    @property
    def difference_shown(self) -> bool:
        """Of a ratio: whether the interval leaves out 1, so that the two figures differ."""
        return not self.low <= 1 <= self.high

    @property
    def inverse(self) -> "Interval":
        """Of a ratio: the ratio the other way round."""
        return Interval(1 / self.high, 1 / self.middle, 1 / self.low)

    @property
    def width(self) -> float:
        """Of a ratio: how far the further bound lies from the middle, as a fraction of it."""
        return max(self.high / self.middle - 1, 1 - self.low / self.middle)

    @property
    def exponential(self) -> "Interval":
        """Of the logarithm of a ratio: the ratio."""
        return Interval(math.exp(self.low), math.exp(self.middle), math.exp(self.high))


def deviations(points: Iterable[Sequence[float]]) -> list[float]:
    """How far the logarithms of repeats lie from their mean, over all points; those with one repeat say nothing.

    Enlarged by √(n / (n − 1)) for the mean that was taken from the same n repeats.
    """
    repeated = [np.log(values) for values in points if len(values) > 1]
    return [
        float(value) for logs in repeated for value in (logs - logs.mean()) * math.sqrt(len(logs) / (len(logs) - 1))
    ]


def of_median(values: Sequence[float], pooled: Sequence[float]) -> Interval | None:
    """Bootstrap interval of the median of repeats, drawn from the `deviations` of all points.

    Drawn from three repeats alone it would lie between the lowest and the highest, and miss the true median once in
    four times. None with fewer than three. The draws are seeded: the same figures give the same interval.
    """
    if len(values) < MIN_REPEATS:
        return None
    drawn = np.random.default_rng(0).choice(pooled, (_RESAMPLES, len(values)))
    tail = (1 - CONFIDENCE) / 2
    lowest, highest = np.quantile(np.median(drawn, axis=1), [tail, 1 - tail])
    middle = float(np.median(values))
    return Interval(middle * math.exp(-highest), middle, middle * math.exp(-lowest))


def paired_ratio(values: Sequence[float], base: Sequence[float]) -> Interval:
    """Geometric mean of `values` over `base`, round by round, with its t-interval; at least two of each."""
    logs = np.log(values) - np.log(base)
    half = float(stats.t.ppf(1 - (1 - CONFIDENCE) / 2, len(logs) - 1)) * float(stats.sem(logs))
    middle = float(logs.mean())
    return Interval(math.exp(middle - half), math.exp(middle), math.exp(middle + half))


def of_rounds(values: Sequence[float]) -> Interval | None:
    """Median of independent measurements with its interval by the sign test (Thompson and Savur).

    None with fewer than six, whose extremes hold the median in less than 95 of 100 cases.
    """
    counts = np.array([math.comb(len(values), hits) for hits in range(len(values) + 1)], float)
    return _between(np.sort(values), counts, 1 - CONFIDENCE)


def signed_rank(logarithms: Sequence[float]) -> tuple[Interval | None, float]:
    """Ratio of pairs whose logarithms are given: Hodges and Lehmann's estimate, Tukey's interval, Wilcoxon's p-value.

    The interval is None with fewer than six pairs, too few for 95 %. The p-value is two-sided; that of n pairs that
    all agree on which is faster is `2 ** (1 - n)`, the smallest that they can give.
    """
    found = np.asarray(logarithms, float)
    one, other = np.triu_indices(len(found))
    walsh = np.sort((found[one] + found[other]) / 2)
    counts = _signed_ranks(len(found))
    nearest = min(np.count_nonzero(walsh >= 0), np.count_nonzero(walsh <= 0))
    p = min(1.0, 2 * float(counts[: nearest + 1].sum() / counts.sum()))
    bounds = _between(walsh, counts, 1 - CONFIDENCE)
    return bounds and bounds.exponential, p


def rank_sum(logarithms: Sequence[float], base: Sequence[float], comparisons: int) -> Interval | None:
    """Ratio of measurements that do not pair: Hodges and Lehmann's estimate with Moses' interval.

    `comparisons`: size of the family of which this is one; all of them hold together at 95 % (Bonferroni). None with
    too few measurements for that.
    """
    differences = np.sort(np.subtract.outer(np.asarray(logarithms, float), np.asarray(base, float)).ravel())
    bounds = _between(differences, _rank_sums(len(logarithms), len(base)), (1 - CONFIDENCE) / comparisons)
    return bounds and bounds.exponential


def paired_difference(gained: int, lost: int, samples: int) -> Interval:
    """The difference of two shares of right answers on the same samples, with its interval.

    `gained`: samples that only the first answers rightly; `lost`: only the second. Wald's interval after Laplace's
    adjustment (D. G. Bonett and R. M. Price, British Journal of Mathematical and Statistical Psychology 65, 2012),
    which keeps its confidence where few answers differ; it is around the adjusted difference.
    """
    more, less = (gained + 1) / (samples + 2), (lost + 1) / (samples + 2)
    error = math.sqrt((more + less - (more - less) ** 2) / (samples + 2))
    half = float(stats.norm.ppf(1 - (1 - CONFIDENCE) / 2)) * error
    return Interval(max(-1.0, more - less - half), (gained - lost) / samples, min(1.0, more - less + half))


def mcnemar(gained: int, lost: int) -> float:
    """The p-value of McNemar's exact test, two-sided: of so uneven a split by chance. Arguments as above."""
    return float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _between(ordered: Values, counts: Values, error: float) -> Interval | None:
    """The median of `ordered`, and as many of its members from either end as the distribution of a statistic allows.

    `counts`: in how many of all cases the statistic is 0, 1, 2 …, if there is no difference; `error`: of both sides.
    """
    kept = int(np.searchsorted(np.cumsum(counts) / counts.sum(), error / 2, side="right"))
    if not kept:
        return None
    return Interval(float(ordered[kept - 1]), float(np.median(ordered)), float(ordered[-kept]))


def _signed_ranks(pairs: int) -> Values:
    """In how many of the 2ⁿ cases Wilcoxon's signed-rank statistic of n pairs is 0, 1, 2 …"""
    counts = np.ones(1)
    for rank in range(1, pairs + 1):
        counts = np.pad(counts, (0, rank)) + np.pad(counts, (rank, 0))
    return counts


def _rank_sums(one: int, other: int) -> Values:
    """In how many cases Mann and Whitney's statistic of two samples of these sizes is 0, 1, 2 …"""
    # by_size[k][s]: sets of k among the ranks so far, whose sum exceeds the smallest possible by s.
    by_size = np.zeros((one + 1, one * other + 1))
    by_size[0, 0] = 1
    for rank in range(one + other):
        for size in range(min(rank + 1, one), 0, -1):
            above = rank - (size - 1)
            by_size[size, above:] += by_size[size - 1, : one * other + 1 - above]
    counts: Values = by_size[one]
    return counts
