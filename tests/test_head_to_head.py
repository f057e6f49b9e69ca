"""Ratios from rounds head to head: what is paired, what is judged, and what is said of it."""

import pandas as pd
import pytest

from analyse.head_to_head import FASTER, NOT_SHOWN, SLOWER, TOO_FEW, comparisons, ratios, rounds_for
from report_sample import rounds, turn


def turns(values: dict[str, list[float]], **changes) -> pd.DataFrame:
    """One turn per value, in rounds."""
    return pd.DataFrame(
        [
            turn(name, number, value, **changes)
            for name, found in values.items()
            for number, value in enumerate(found, 1)
        ]
    )


@pytest.mark.parametrize("factor", [1.001, 2.6])
def test_rounds_that_all_agree_show_a_difference(factor: float) -> None:
    """However noisy they are, and among as many comparisons as nine rounds can judge."""
    base = [100, 220, 90, 400, 130, 105, 60, 800, 70]
    noisy = [value * factor * (1 + 3 * (number % 2)) for number, value in enumerate(base)]
    others = {f"v{number}": base for number in range(11)}
    found = ratios(turns({"a": noisy, "pytriton": base, **others}), [(name, "pytriton") for name in ("a", *others)])
    assert [one.result for one in found] == [FASTER, *[NOT_SHOWN] * 11]


def test_a_pair_is_of_one_round_of_one_job() -> None:
    """Another job's rounds have the same numbers; they are pairs of their own."""
    first = turns({"a": [200.0] * 6, "b": [100.0] * 6}, job="one")
    second = turns({"a": [20.0] * 6, "b": [10.0] * 6}, job="two")
    alone = turns({"a": [7.0] * 6}, job="three")
    (found,) = ratios(pd.concat([first, second, alone]), [("a", "b")])
    assert (found.rounds, found.ratio.low, found.ratio.high) == (12, pytest.approx(2), pytest.approx(2))


def test_failed_turns_take_their_pair_away_and_disturbed_ones_are_counted() -> None:
    points = turns({"a": [200.0] * 8, "b": [100.0] * 8})
    points.loc[0, ["throughput", "status"]] = [None, "failed"]
    points.loc[[1, 9], "status"] = "disturbed"
    (found,) = ratios(points, [("a", "b")])
    assert (found.rounds, found.disturbed, found.result) == (7, 1, FASTER)


@pytest.mark.parametrize(("count", "judged"), [(5, 0), (6, 1), (7, 3), (9, 12)])
def test_no_more_is_judged_than_the_rounds_allow(count: int, judged: int) -> None:
    """The first of the list; the others are not called equal, but too little known."""
    names = [f"v{number}" for number in range(14)]
    found = ratios(rounds({"pytriton": 100, **dict.fromkeys(names, 200)}, count), [(one, "pytriton") for one in names])
    assert [one.result for one in found] == [*[FASTER] * judged, *[TOO_FEW] * (14 - judged)]
    assert (found[-1].ratio is None) == (count < 6)


def test_rounds_added_for_the_verdict_let_no_more_be_judged() -> None:
    """With nine rounds of all, 12 comparisons; the two of the verdict have twice as many."""
    others = [f"v{number}" for number in range(12)]
    verdict = {"pytriton": [100.0] * 18, "a": [300.0] * 18, "b": [200.0] * 18}
    points = turns({**verdict, **dict.fromkeys(others, [150.0] * 9)})
    found = ratios(points, [(name, "pytriton") for name in ("a", "b", *others)])
    assert [one.rounds for one in found] == [18, 18, *[9] * 12]
    assert [one.result for one in found] == [*[FASTER] * 12, *[TOO_FEW] * 2]


def test_rounds_that_are_needed() -> None:
    assert [rounds_for(number) for number in (1, 3, 12, 13)] == [6, 7, 9, 10]


def test_the_page_compares_the_winner_the_demo_and_what_serves_the_inner_engine() -> None:
    points = rounds({"fast": 500, "slow": 400, "pytriton": 100, "bls": 300, "null": 900})
    found = comparisons(points, ["fast", "slow", "bls", "pytriton"], "slow")
    assert [(one.variant, one.base, one.result) for one in found] == [
        ("fast", "slow", FASTER),
        ("fast", "pytriton", FASTER),
        ("slow", "pytriton", FASTER),
        ("bls", "pytriton", FASTER),
        ("bls", "slow", SLOWER),
    ]
    assert comparisons(points[:0], ["fast", "slow"], "slow") == []
