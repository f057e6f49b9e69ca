"""One row per point: medians, extremes, limits and the ceiling."""

from pathlib import Path

import pandas as pd
import pytest

from analyse import rows, tables
from analyse import summary as summary_of
from record import points
from report_sample import (
    at_rate,
    failed,
    in_process_repeats,
    measured,
    summary_rows,
    turn,
    unstable,
)


def test_summary_is_median_extremes_and_worst_status() -> None:
    (row,) = summary_rows(
        measured("a", 1, 100, repeat=1),
        measured("a", 1, 130, repeat=2, status="client_bound", reason="slow client"),
        measured("a", 1, 110, repeat=3),
    )
    assert (row["throughput"], row["throughput_min"], row["throughput_max"]) == (110, 100, 130)
    assert (row["requests"], row["repeats"]) == (90_000, 3)
    assert (row["status"], row["reason"]) == ("client_bound", "repeat 2: slow client")


def test_figures_of_a_row_come_from_the_same_repeats() -> None:
    (row,) = summary_rows(
        unstable("a", 1, 500, repeat=1), measured("a", 1, 100, repeat=2), unstable("a", 1, 600, repeat=3)
    )
    assert row["throughput"] == 100
    assert row["latency_avg"] == 10_000
    assert (row["throughput_min"], row["throughput_max"]) == (100, 600)
    assert row["status"] == "unstable"
    assert row["reason"] == "repeat 1, 3: not stable within 8 windows"


def test_unstable_repeats_count_when_there_is_no_other() -> None:
    (row,) = summary_rows(unstable("a", 1, 100, repeat=1), unstable("a", 1, 300, repeat=2))
    assert row["throughput"] == 200
    assert row["latency_p50"] is None


def test_failed_points_keep_their_row_and_reason() -> None:
    (row,) = summary_rows(failed("a", 1, "exit code 99"), failed("a", 1, "exit code 99", repeat=2))
    assert (row["status"], row["throughput"], row["requests"], row["repeats"]) == ("failed", None, None, 0)
    assert row["reason"] == "repeat 1, 2: exit code 99"


def test_summary_keeps_the_order_of_the_input() -> None:
    found = summary_rows(
        unstable("b", 65, 5, repeat=1),
        measured("b", 1, 5, repeat=1),
        measured("a", 1, 5, repeat=1),
        measured("b", 65, 5, repeat=2),
    )
    assert [(row["variant"], row["concurrency"]) for row in found] == [("b", 65), ("b", 1), ("a", 1)]


def test_ceiling_fraction_is_of_the_same_load() -> None:
    found = summary_rows(
        measured("a", 1, 50), measured("a", 65, 50), measured("null", 1, 100), measured("null", 65, 200)
    )
    assert [row["ceiling_fraction"] for row in found] == [0.5, 0.25, 1, 1]


def test_bound_is_what_ceiling_and_model_allow_together() -> None:
    repeats = [measured("a", 1, 40), measured("null", 1, 100), at_rate("a", 50, 1.0), at_rate("null", 50, 1.0)]
    served, ceiling, *rated = tables.records(summary_of.summarise(pd.DataFrame(repeats), {}, {("a", ""): 400.0}))
    assert (served["bound"], served["bound_fraction"]) == pytest.approx((80, 0.5))
    apart, *_ = tables.records(summary_of.summarise(pd.DataFrame(repeats), {}, {("a", ""): 400.0}, on_gpu=True))
    assert (apart["bound"], apart["bound_fraction"]) == pytest.approx((100, 0.4))
    # The ceiling runs no model, and at a request rate it serves that rate.
    assert [row["bound"] for row in (ceiling, *rated)] == [None] * 3


def test_the_throughput_of_rounds_takes_the_place_of_the_repeats_at_their_load() -> None:
    """There the page has one figure, and whether one long measurement settled decides nothing."""
    points = [unstable("a", 65, 100), measured("a", 1, 10), measured("null", 65, 400)]
    turns = pd.DataFrame([turn("a", number, 200.0 + number) for number in range(1, 10)])
    turns.loc[3, "status"] = "disturbed"
    turns.loc[8, ["throughput", "status"]] = [None, "failed"]
    head, other, ceiling = tables.records(summary_of.summarise(pd.DataFrame(points), {}, rounds=turns))
    assert (head["throughput"], head["throughput_low"], head["throughput_high"]) == (204.5, 201, 208)
    assert (head["rounds"], head["disturbed"], head["status"], head["reason"]) == (8, 1, "stable", "")
    assert head["latency_p50"] == turns["latency_p50"][:8].median()
    assert head["ceiling_fraction"] == pytest.approx(204.5 / 400)
    assert [row["throughput_low"] for row in (other, ceiling)] == [None, None]
    assert [row["rounds"] for row in (other, ceiling)] == [0, 0]


def test_the_ceiling_has_no_accuracy() -> None:
    table = pd.DataFrame([measured("a", 1, 10), measured("null", 1, 20)])
    assert list(summary_of.summarise(table, {"a": 0.99, "null": 0.1})["accuracy"].isna()) == [False, True]


# Without a server


def test_in_process_limit_is_the_median_with_bounds_and_the_best_batch() -> None:
    first, second = summary_of.summarise_in_process(pd.DataFrame(in_process_repeats()))
    assert (first["variant"], first["batch_size"], first["throughput"]) == ("fast", 64, 24_000)
    assert first["throughput_low"] < 23_000 < 25_000 < first["throughput_high"]
    assert second["throughput"] == 12_000
    assert summary_of.in_process_limits([first, second]) == {("fast", ""): 24_000}


def test_ids_and_hosts_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    marks = {"job": "81755e7176354975a7efcee1a21e885d", "host": "1e999999999", "started": ""}
    rows = [turn("a", 1, 100) | marks, turn("b", 1, 100) | marks | {"job": "12345678901234567890123456789012"}]
    points.write(tmp_path / "points.csv", rows, points.HEAD_TO_HEAD_COLUMNS)
    found = tables.records(tables.read_rounds(tmp_path / "points.csv"))
    assert [one["job"] for one in found] == [one["job"] for one in rows]
    assert [(one["host"], one["started"]) for one in found] == [("1e999999999", None)] * 2


def test_in_process_without_any_repeat(tmp_path: Path) -> None:
    points.write(tmp_path / "unhealthy.csv", [], points.IN_PROCESS_COLUMNS)
    assert summary_of.summarise_in_process(tables.read_in_process([tmp_path / "unhealthy.csv"])) == []


# Rows, words and plots


def test_percentiles_from_few_requests_are_indicative() -> None:
    (row,) = summary_rows(measured("a", 1, 100, requests=60_000))
    assert rows.indicative(row) == ["latency_p99"]
    (row,) = summary_rows(*(measured("a", 1, 100, requests=20_000, repeat=repeat) for repeat in (1, 2)))
    assert rows.indicative(row) == ["latency_p90", "latency_p95", "latency_p99"]
