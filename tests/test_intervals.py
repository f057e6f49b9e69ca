"""Intervals from a few repeats: what they hold, and what they say when too little is known."""

import math

import numpy as np
import pytest
from scipy import stats

from analyse.intervals import Interval, deviations, of_median, of_rounds, paired_ratio, rank_sum, signed_rank


def drawn(points: int, repeats: int, deviation: float = 0.1) -> list[np.ndarray]:
    """Repeats of points whose median is 1."""
    return list(np.exp(np.random.default_rng(7).normal(0, deviation, (points, repeats))))


def held(intervals: list[Interval], truth: float = 1.0) -> float:
    return float(np.mean([one.low <= truth <= one.high for one in intervals]))


def test_deviations_are_those_within_points() -> None:
    found = deviations([[1.0, math.e], [10.0, 10 * math.e, 10 * math.e**2], [7.0]])
    assert sorted(found) == pytest.approx([-math.sqrt(1.5), -math.sqrt(0.5), 0, math.sqrt(0.5), math.sqrt(1.5)])


def test_median_interval_of_three_repeats_holds_its_confidence() -> None:
    """The extremes of three repeats alone hold the median three times in four."""
    points = drawn(600, 3)
    pooled = deviations(points)
    assert 0.92 <= held([of_median(values, pooled) for values in points]) <= 0.97
    assert held([Interval(min(values), 1, max(values)) for values in points]) < 0.8


def test_median_interval_is_the_same_each_time() -> None:
    points = drawn(5, 3)
    found = of_median(points[0], deviations(points))
    assert found == of_median(points[0], deviations(points))
    assert found.low < found.middle == np.median(points[0]) < found.high


def test_paired_ratio_is_the_t_interval_of_the_logarithms() -> None:
    values, base = [2.0, 2.2, 2.1], [1.0, 1.0, 1.1]
    found = paired_ratio(values, base)
    logs = np.log(values) - np.log(base)
    expected = stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))
    assert (found.low, found.high) == pytest.approx(tuple(np.exp(expected)))
    assert found.middle == pytest.approx(math.exp(logs.mean()))


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.1])
def test_signed_rank_is_wilcoxons_test_and_its_interval_agrees(shift: float) -> None:
    """The interval leaves 1 out when the p-value is below 5 %."""
    generator = np.random.default_rng(3)
    for logs in generator.normal(shift, 0.05, (40, 9)):
        found, p = signed_rank(logs)
        assert p == pytest.approx(stats.wilcoxon(logs, method="exact").pvalue)
        assert found.difference_shown == (p <= 0.05)


def test_rounds_that_agree_give_the_smallest_p_value() -> None:
    assert [signed_rank([0.1] * rounds)[1] for rounds in (3, 6, 9)] == [2.0 ** (1 - rounds) for rounds in (3, 6, 9)]
    assert signed_rank([0.1] * 5)[0] is None
    assert signed_rank([0.1] * 6)[0] == Interval(*[pytest.approx(math.exp(0.1))] * 3)
    assert signed_rank([0.0] * 9)[1] == 1
    assert signed_rank([]) == (None, 1)


def test_rank_sum_is_mann_and_whitneys_test() -> None:
    generator = np.random.default_rng(4)
    for _ in range(40):
        now, before = generator.normal(0.05, 0.05, 7), generator.normal(0, 0.05, 9)
        p = stats.mannwhitneyu(now, before, method="exact").pvalue
        assert [rank_sum(now, before, number).difference_shown for number in (1, 8)] == [p <= 0.05, p <= 0.05 / 8]
    assert rank_sum([0.1] * 3, [0.0] * 3, 1) is None


def test_ranks_keep_one_odd_round_from_deciding() -> None:
    found, _ = signed_rank([0.1, 0.11, 0.09, 0.1, 0.12, 0.08, 0.1, 0.11, -2.0])
    assert found.middle == pytest.approx(math.exp(0.1), rel=0.02)


def test_median_of_rounds_has_the_interval_of_the_sign_test() -> None:
    assert of_rounds([5.0, 1, 9, 3, 7, 2, 8, 4, 6]) == Interval(2, 5, 8)
    assert of_rounds([1.0, 2, 3, 4, 5]) is None


def test_without_repetition_there_is_no_interval() -> None:
    """Nor with two repeats, whatever others show of the scatter."""
    assert deviations([[100.0], [50.0]]) == []
    assert of_median([100.0, 110.0], deviations(drawn(5, 3))) is None


@pytest.mark.parametrize(("low", "high", "shown"), [(0.9, 1.1, False), (1.0, 1.2, False), (1.01, 1.2, True)])
def test_no_difference_is_shown_when_the_interval_holds_one(low: float, high: float, shown: bool) -> None:
    assert Interval(low, 1.05, high).difference_shown == shown
