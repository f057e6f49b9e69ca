"""How sure a figure is that was measured a few times: intervals at 95 % confidence.

Throughputs and latencies are positive and vary in proportion to their size, so all is done on logarithms: deviations
are relative, and comparisons are ratios. Three repeats of one point say little of how far a fourth may lie; those of
all points of a run say it well. That is what `Scatter` pools.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
_RESAMPLES = 10_000


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


@dataclass(frozen=True)
class Scatter:
    """How far the repeats of a point lie from their mean, pooled over points.

    deviations: of logarithms, enlarged by √(n / (n − 1)) for the mean that was taken from the same n repeats.
    variance: of one repeat's logarithm. freedom: degrees of freedom of that variance, 0 without any repetition.
    """

    deviations: tuple[float, ...]
    variance: float
    freedom: int


def scatter(points: Iterable[Sequence[float]]) -> Scatter:
    """The scatter of positive figures, one sequence of repeats per point; points with one repeat say nothing."""
    repeated = [np.log(values) for values in points if len(values) > 1]
    residuals = [logs - logs.mean() for logs in repeated]
    freedom = sum(len(logs) - 1 for logs in repeated)
    enlarged = [part * math.sqrt(len(part) / (len(part) - 1)) for part in residuals]
    squares = sum(float(part @ part) for part in residuals)
    return Scatter(
        tuple(float(value) for part in enlarged for value in part), squares / freedom if freedom else math.nan, freedom
    )


def of_median(values: Sequence[float], pooled: Scatter) -> Interval | None:
    """Bootstrap interval of the median of repeats, drawn from the deviations of all points.

    Drawn from three repeats alone it would lie between the lowest and the highest, and miss the true median once in
    four times. None when nothing was repeated. The draws are seeded: the same figures give the same interval.
    """
    if not pooled.freedom:
        return None
    drawn = np.random.default_rng(0).choice(pooled.deviations, (_RESAMPLES, len(values)))
    tail = (1 - CONFIDENCE) / 2
    lowest, highest = np.quantile(np.median(drawn, axis=1), [tail, 1 - tail])
    middle = float(np.median(values))
    return Interval(middle * math.exp(-highest), middle, middle * math.exp(-lowest))


def paired_ratio(
    values: Sequence[float], base: Sequence[float], known: Sequence[Scatter] = (), comparisons: int = 1
) -> Interval | None:
    """Geometric mean of `values` over `base`, repeat by repeat, with its t-interval.

    Repeats pair when they were measured in turn, in the same round of one run. `known`: what is known of the scatter
    of such ratios from more of them; without it that of these pairs alone counts. `comparisons`: size of the family of
    which this is one; all of them hold together at 95 % (Bonferroni). None when the scatter is not known.
    """
    ratios = [value / other for value, other in zip(values, base, strict=True)]
    return _t_interval(np.log(ratios).mean(), 1 / len(ratios), known or [scatter([ratios])], comparisons)


def unpaired_ratio(
    values: Sequence[float], base: Sequence[float], pooled: Scatter | None = None, comparisons: int = 1
) -> Interval | None:
    """The same for repeats that have no time in common: geometric mean over geometric mean.

    `pooled`: scatter over more points than these; their own counts where it is larger.
    """
    difference = np.log(values).mean() - np.log(base).mean()
    known = [scatter([values, base]), *([pooled] if pooled else [])]
    return _t_interval(difference, 1 / len(values) + 1 / len(base), known, comparisons)


def _t_interval(logarithm: float, share: float, known: Sequence[Scatter], comparisons: int) -> Interval | None:
    """`share`: variance of the mean logarithm over that of one repeat.

    Of the `known` scatters the largest counts, with its degrees of freedom: some things may be noisier than others, but
    from few repeats none is taken for steadier. Of the rules that were tried on recorded repeats
    (benchmarks/false_alarms.py) this one keeps its promise and still sees a slow-down of 20 %.
    """
    usable = [one for one in known if one.freedom]
    if not usable:
        return None
    largest = max(usable, key=lambda one: one.variance)
    quantile = stats.t.ppf(1 - (1 - CONFIDENCE) / (2 * comparisons), largest.freedom)
    half = float(quantile) * math.sqrt(largest.variance * share)
    return Interval(math.exp(logarithm - half), math.exp(logarithm), math.exp(logarithm + half))
