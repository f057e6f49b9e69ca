"""How many rounds head_to_head measures, and at which load."""

import csv
import math
from dataclasses import asdict

import pytest

from conftest import MODEL, checks
from plan.loads import Grid, Load, headline
from plan.settings.perf import HeadToHead
from record import turns


def rows(*rounds: dict[str, float | None]) -> list[dict]:
    """Turns with these throughputs; None for one that failed."""
    return [
        {"variant": name, "round": number, "throughput": throughput}
        for number, one in enumerate(rounds, 1)
        for name, throughput in one.items()
    ]


def settings(**changes: float | None) -> HeadToHead:
    given = {"rounds": 3, "until": None, "added_rounds": 2} | changes
    return HeadToHead(
        server="bundled", contestants=[], baseline="base", load=Load("grpc", 1, 1), windows=None,
        max_foreign_cpu=1, **given,
    )  # fmt: skip


def test_width_of_a_ratio_is_that_of_students_t():
    """Worked by hand: the logarithms of the ratios are 0.1, 0.2, 0.3, so t(0.975, 2) · 0.1 / √3 = 0.2484."""
    found = turns.half_widths(rows(*({"base": 100.0, "a": 100 * math.exp(x)} for x in (0.1, 0.2, 0.3))), "base")
    assert found == {"a": pytest.approx(100 * math.expm1(4.30265 * 0.1 / math.sqrt(3)), rel=1e-4)}


def test_what_the_rounds_share_does_not_widen_a_ratio():
    found = turns.half_widths(rows(*({"base": drift, "a": 2 * drift} for drift in (10.0, 50.0, 90.0))), "base")
    assert found == {"a": pytest.approx(0)}


def test_a_ratio_without_two_pairs_is_not_known():
    failed = rows({"base": None, "a": 1.0}, {"base": 1.0, "a": 1.0}, {"base": 1.0, "a": None})
    assert turns.half_widths(failed, "base") == {"a": math.inf}


NAMES = ["base", "a", "b", "slow", "null"]


def noisy(done: int) -> list[dict]:
    """Rounds in which a and b are about twice as fast as base, and their ratio changes from round to round."""
    return rows(
        *({"base": 10.0, "a": 20.0 * (1 + number % 2), "b": 19.0, "slow": 5.0, "null": 99.0} for number in range(done))
    )


@pytest.mark.parametrize(
    ("done", "changes", "due"),
    [
        (2, {}, NAMES),
        (2, {"until": 200}, NAMES),
        (3, {}, []),
        (3, {"until": 50}, ["a", "b", "base"]),
        (3, {"until": 500}, []),
        (5, {"until": 50}, []),
        (5, {"until": 50, "rounds": 7}, NAMES),
    ],
)
def test_rounds_of_what_decides_are_added_until_the_verdict_is_known_or_no_more_are_allowed(done, changes, due):
    assert turns.due(noisy(done), NAMES, settings(**changes)) == due


def test_what_decides_is_found_in_the_rounds_of_all():
    more = [{"variant": "b", "round": 4, "throughput": 1000.0}, {"variant": "a", "round": 4, "throughput": 1.0}]
    assert turns.due([*noisy(3), *more], NAMES, settings(until=50)) == ["a", "b", "base"]


def test_the_baseline_decides_where_it_was_measured():
    assert turns.leading(rows({"a": 3.0, "b": 2.0, "c": 1.0, "null": 9.0}), "base") == ["a", "b"]
    assert turns.leading(rows({"a": 3.0, "base": 2.0, "c": 1.0}), "base") == ["a", "base"]
    assert turns.leading(rows({"a": None, "b": 2.0}), "base") == ["b"]


@pytest.mark.parametrize("only", [{"a": 1.0}, {"null": 1.0}])
def test_a_variant_alone_needs_no_more_rounds(only):
    assert turns.due(rows(*[only] * 3), list(only), settings(until=1)) == []


def test_variants_are_compared_at_the_highest_concurrency_of_the_first_line():
    line = [Load("grpc", 1, 16), Load("grpc", 1, 65), Load("grpc", 1, 1)]
    others = [Load("http", 1, 257), Load("grpc", 8, 257), Load("grpc", 1, load_mode="constant", request_rate=10.0)]
    assert headline([*line, *others]) == Load("grpc", 1, 65)
    assert headline([others[2], *others[:2], *line]) == Load("http", 1, 257)


FAULT = "grpc: not ready"
TARGET = {"name": "a", "counted": "a", "device": "cpu", "model": MODEL, "inputs": []}
WINDOWS = {"window_ms": 300, "stability_percent": 10, "max_windows": 3, "samples": 2}


@pytest.fixture
def broken(script, tmp_path):
    """The rows that a script writes about a variant that does not serve what it promises."""
    (tmp_path / "checks.json").write_text(checks("a", FAULT))

    def run(name: str, *files: str, **settings: object) -> list[dict[str, str]]:
        common = {"server": "bundled", "windows": WINDOWS, "max_foreign_cpu": 1}
        given = ("--checks", "checks.json", "--reference", "none.npz", "--server-log", "triton.log", "--raw", "raw")
        found = script(name, *given, *files, "--points", "points.csv", settings=common | settings)
        assert found.returncode == 0, found.stderr
        assert not (tmp_path / "triton.log").exists()
        with (tmp_path / "points.csv").open() as stream:
            return list(csv.DictReader(stream))

    return run


def test_what_does_not_serve_as_promised_has_no_turn(broken):
    contestant = {"variant": "a", "target": TARGET, "own_server": False, "raw": False}
    load, rounds = asdict(Load("grpc", 1, 2)), {"rounds": 2, "until": None, "added_rounds": 0}
    assert (
        broken("head_to_head.py", "--repositories", "none", contestants=[contestant], baseline="a", load=load, **rounds)
        == []
    )


def test_what_does_not_serve_as_promised_says_so_at_every_load(broken):
    grid = asdict(Grid(["grpc"], [1], [1, 2]))
    settings = {"variant": "a", "repeat": 1, "target": TARGET, "grid": grid, "slo_ms": None}
    rows = broken("sweep.py", "--repository", "none", "--store", "store", "--made-by", "1", **settings)
    assert [(row["concurrency"], row["status"], row["reason"]) for row in rows] == [
        (level, "failed", f"not measured, unhealthy: {FAULT}") for level in ("1", "2")
    ]
