"""How often equal things are called different, and how often a slow-down is found: on repeats of real servers.

benchmarks/false_alarms.py prints the same rates from more draws.
"""

from collections.abc import Callable

import numpy as np
import pytest

from measurement.changes import of_points, of_variants
from measurement.comparison import NOT_SHOWN, SLOWER, comparisons
from recorded_repeats import levelled, like, recorded, run_of, slowed, two_runs

DRAWS = 150


def shown(found: list[dict]) -> bool:
    return any(one["result"] != NOT_SHOWN for one in found)


def rate(draw: Callable[[np.random.Generator], bool]) -> float:
    generator = np.random.default_rng(5)
    return float(np.mean([draw(generator) for _ in range(DRAWS)]))


@pytest.mark.parametrize("changes", [of_variants, of_points])
def test_two_runs_of_the_same_thing_are_not_called_different(changes: Callable) -> None:
    busy = recorded("busy")
    assert rate(lambda generator: shown(changes(*two_runs(busy, generator), True))) < 0.05


@pytest.mark.parametrize("changes", [of_variants, of_points])
def test_nor_are_they_on_a_quiet_machine_where_some_variants_are_noisier(changes: Callable) -> None:
    quiet = recorded("quiet")
    assert rate(lambda generator: shown(changes(like(quiet, generator), like(quiet, generator), True))) < 0.05


def test_equally_fast_variants_of_one_run_are_not_called_different() -> None:
    busy = levelled(recorded("busy"))
    assert rate(lambda generator: shown(comparisons(two_runs(busy, generator)[0]))) < 0.05


def test_a_slow_down_of_a_fifth_is_found_in_three_repeats() -> None:
    """In most runs on a quiet machine; what is steadier than the others is found more often than what is not."""
    quiet = recorded("quiet")

    def found(generator: np.random.Generator) -> bool:
        before, now = like(quiet, generator), slowed(like(quiet, generator), "openvino", 0.8)
        return next(one for one in of_variants(now, before, True) if one["variant"] == "openvino")["result"] == SLOWER

    assert rate(found) > 0.6


def test_a_machine_that_became_slower_is_no_regression_of_its_variants() -> None:
    """All at two thirds of the speed: nothing is shown against the ceiling, all is without it."""
    quiet = recorded("quiet")
    slower = quiet.assign(throughput=quiet["throughput"] * 0.66)
    assert not shown(of_variants(slower, quiet, True))
    assert shown(of_variants(slower, quiet, False))


def test_repeats_of_two_runs_are_not_paired() -> None:
    """The number of a repeat is a name: another order of the rounds of one run changes nothing."""
    quiet = recorded("quiet")
    turned = of_variants(run_of(quiet, [3, 1, 2]), quiet, True)
    assert [one["ratio"] for one in turned] == [pytest.approx(one["ratio"]) for one in of_variants(quiet, quiet, True)]
