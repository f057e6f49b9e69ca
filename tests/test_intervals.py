"""Intervals from a few repeats: what they hold, and what they say when too little is known."""

import math

import numpy as np
import pytest
from scipy import stats

from analyse.intervals import Interval, of_median, paired_ratio, scatter, unpaired_ratio


def drawn(points: int, repeats: int, deviation: float = 0.1) -> list[np.ndarray]:
    """Repeats of points whose median is 1."""
    return list(np.exp(np.random.default_rng(7).normal(0, deviation, (points, repeats))))


def held(intervals: list[Interval], truth: float = 1.0) -> float:
    return float(np.mean([one.low <= truth <= one.high for one in intervals]))


def test_scatter_pools_the_variance_within_points() -> None:
    pooled = scatter([[1.0, math.e], [10.0, 10 * math.e, 10 * math.e**2], [7.0]])
    assert pooled.freedom == 3
    assert pooled.variance == pytest.approx((0.5 + 2.0) / 3)
    assert sorted(pooled.deviations) == pytest.approx(
        [-math.sqrt(1.5), -math.sqrt(0.5), 0, math.sqrt(0.5), math.sqrt(1.5)]
    )


def test_median_interval_of_three_repeats_holds_its_confidence() -> None:
    """The extremes of three repeats alone hold the median three times in four."""
    points = drawn(600, 3)
    pooled = scatter(points)
    assert 0.92 <= held([of_median(values, pooled) for values in points]) <= 0.97
    assert held([Interval(min(values), 1, max(values)) for values in points]) < 0.8


def test_median_interval_is_the_same_each_time() -> None:
    points = drawn(5, 3)
    found = of_median(points[0], scatter(points))
    assert found == of_median(points[0], scatter(points))
    assert found.low < found.middle == np.median(points[0]) < found.high


def test_paired_ratio_is_the_t_interval_of_the_logarithms() -> None:
    values, base = [2.0, 2.2, 2.1], [1.0, 1.0, 1.1]
    found = paired_ratio(values, base)
    logs = np.log(values) - np.log(base)
    expected = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
    assert (found.low, found.high) == pytest.approx(tuple(np.exp(expected)))
    assert found.middle == pytest.approx(math.exp(logs.mean()))


def test_unpaired_ratio_is_the_t_interval_of_two_samples() -> None:
    values, base = [2.0, 2.2, 2.1], [1.0, 1.0, 1.1, 1.2]
    expected = stats.ttest_ind(np.log(values), np.log(base)).confidence_interval()
    found = unpaired_ratio(values, base)
    assert (found.low, found.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))


def test_a_family_of_comparisons_has_wider_intervals_than_one() -> None:
    one, many = (paired_ratio([2.0, 2.2, 2.1], [1.0, 1.0, 1.1], comparisons=number) for number in (1, 8))
    assert many.low < one.low < one.high < many.high
    assert many.middle == one.middle


def test_pairs_cancel_what_the_repeats_share() -> None:
    drift = np.array([1.0, 0.6, 1.5])
    paired = paired_ratio([2.0, 2.02, 1.98] * drift, drift)
    unpaired = unpaired_ratio([2.0, 2.02, 1.98] * drift, drift)
    assert paired.difference_shown
    assert not unpaired.difference_shown


def test_a_single_repeat_has_no_interval() -> None:
    alone = scatter([[100.0], [50.0]])
    assert alone.freedom == 0
    assert of_median([100.0], alone) is None
    assert paired_ratio([2.0], [1.0]) is None
    assert unpaired_ratio([2.0], [1.0]) is None


def test_a_single_pair_has_an_interval_where_others_show_the_scatter() -> None:
    assert unpaired_ratio([2.0], [1.0], scatter(drawn(5, 3))).difference_shown


@pytest.mark.parametrize(("low", "high", "shown"), [(0.9, 1.1, False), (1.0, 1.2, False), (1.01, 1.2, True)])
def test_no_difference_is_shown_when_the_interval_holds_one(low: float, high: float, shown: bool) -> None:
    assert Interval(low, 1.05, high).difference_shown == shown
