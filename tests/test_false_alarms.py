"""How often equal things are called different, and how often a difference is found: on turns of real servers.

benchmarks/false_alarms.py prints the same rates from more draws, and from the rounds of any run.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyse.between_runs import changes
from analyse.head_to_head import BASELINE, NOT_SHOWN, SLOWER, TOO_FEW, comparisons
from recorded_repeats import drawn, levelled, like, ranked, recorded, slowed

DRAWS = 100
Draw = Callable[[np.random.Generator], pd.DataFrame]


def shown(results: Iterable[str]) -> bool:
    return any(result not in (NOT_SHOWN, TOO_FEW) for result in results)


def rate(draw: Callable[[np.random.Generator], bool]) -> float:
    generator = np.random.default_rng(6)
    return float(np.mean([draw(generator) for _ in range(DRAWS)]))


def busy(generator: np.random.Generator) -> pd.DataFrame:
    """Nine rounds of a busy machine, torchscript in the place of PyTriton."""
    return drawn(recorded("busy").replace({"variant": {"torchscript": BASELINE}}), generator)


def quiet(generator: np.random.Generator) -> pd.DataFrame:
    """Nine rounds of a quiet machine, on which some variants are noisier than others."""
    return like(recorded("quiet").replace({"variant": {"demo": BASELINE}}), generator)


def results(found: Iterable[Mapping[str, Any]]) -> list[str]:
    return [one["result"] for one in found]


@pytest.mark.parametrize("run", [busy, quiet])
def test_equally_fast_variants_are_not_called_different(run: Draw) -> None:
    def alarm(generator: np.random.Generator) -> bool:
        points = levelled(recorded_like(run, generator))
        return shown(one.result for one in comparisons(points, ranked(points), "openvino"))

    assert rate(alarm) < 0.05


def recorded_like(run: Draw, generator: np.random.Generator) -> pd.DataFrame:
    """Nine rounds out of many: levelled among themselves they would agree too well."""
    many = pd.concat(run(generator).assign(job=str(number)) for number in range(3))
    equal = levelled(many)
    return equal[equal["job"] == "0"]


@pytest.mark.parametrize("run", [busy, quiet])
@pytest.mark.parametrize("against_ceiling", [True, False])
def test_two_runs_of_the_same_thing_are_not_called_slower(run: Draw, against_ceiling: bool) -> None:
    """What the gate looks for; faster ones are found as seldom."""
    assert rate(lambda one: SLOWER in results(changes(run(one), run(one), against_ceiling))) < 0.05


def test_a_tenth_is_found_in_nine_rounds_of_a_quiet_machine() -> None:
    """Among all comparisons of the page, though those that are clear anyway have to be judged with it."""

    def found(generator: np.random.Generator) -> bool:
        points = quiet(generator)
        pair = points["variant"].isin(["openvino", BASELINE])
        points = points.assign(throughput=points["throughput"].where(~pair, levelled(points)["throughput"]))
        points = slowed(points, BASELINE, 1 / 1.1)
        judged = comparisons(points, ranked(points), "openvino")
        return next(one for one in judged if (one.variant, one.base) == ("openvino", BASELINE)).difference_shown

    assert rate(found) > 0.9


def test_a_slow_down_of_a_fifth_is_found_between_two_runs() -> None:
    def found(generator: np.random.Generator) -> bool:
        now = changes(slowed(quiet(generator), "openvino", 0.8), quiet(generator), True)
        return next(one for one in now if one["variant"] == "openvino")["result"] == SLOWER

    assert rate(found) > 0.9


def test_a_machine_that_became_slower_is_no_regression_of_its_variants() -> None:
    """All at two thirds of the speed: nothing is shown against the ceiling, all is without it."""
    points = quiet(np.random.default_rng(1))
    slower = points.assign(throughput=points["throughput"] * 0.66)
    assert not shown(results(changes(slower, points, True)))
    assert set(results(changes(slower, points, False))) == {SLOWER}


def test_rounds_of_two_runs_are_not_paired() -> None:
    """The number of a round is a name: another order of the rounds of one run changes nothing."""
    points = quiet(np.random.default_rng(1))
    turned = points.assign(round=points["round"] % 9)
    found, same = changes(turned, points, True), changes(points, points, True)
    assert [one["ratio"] for one in found] == [pytest.approx(one["ratio"]) for one in same]
