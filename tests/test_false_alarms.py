"""How often equal things are called different, and how often a slow-down is found: on repeats of real servers.

benchmarks/false_alarms.py prints the same rates from more draws.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from analyse.between_variants import NOT_SHOWN, SLOWER, comparisons

from analyse.between_runs import of_points, of_variants
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


def simulated(generator: np.random.Generator, deviations: list[float], levels: int = 3) -> pd.DataFrame:
    """A run of equally fast variants, one for each of `deviations` (of the logarithm of one repeat)."""
    sizes = itertools.product(range(levels), range(1, 4), enumerate(deviations))
    rows = [
        {"variant": f"v{number}", "concurrency": 4**level, "repeat": repeat, "throughput": math.exp(noise)}
        for level, repeat, (number, deviation) in sizes
        for noise in [generator.normal(0, deviation)]
    ]
    known = {"protocol": "grpc", "batch_size": 1, "shape": "", "load_mode": "concurrency", "request_rate": None}
    table = pd.DataFrame(rows).assign(**known, shared_memory="none", latency_p50=1.0)
    return table.astype({"concurrency": "Int64", "request_rate": "Float64"})


@pytest.mark.parametrize("noisy", [0.1, 0.3], ids=["equally noisy", "one thrice as noisy"])
def test_intervals_of_a_run_hold_together_and_say_something(noisy: float) -> None:
    """All of them in 95 % of the runs; and none is wider than the noise explains, though it rests on three repeats."""
    deviations = [0.1, 0.1, 0.1, noisy]
    generator = np.random.default_rng(3)
    runs = [comparisons(simulated(generator, deviations)) for _ in range(DRAWS)]
    assert np.mean([shown(found) for found in runs]) < 0.05
    widest = [max(one["ratio"]["high"] / one["ratio"]["middle"] for one in found) for found in runs]
    assert np.median(widest) < math.exp(7 * noisy)
    assert max(widest) < math.exp(12 * noisy)


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
