"""The summary over repeats, the verdict, the findings, and the document that holds them."""

import json
from datetime import datetime
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import yaml

import perf_report
from measurement import in_process, points
from report_sample import (
    CONCURRENCIES,
    THROUGHPUTS,
    engine,
    failed,
    health,
    healthy,
    measured,
    other_records,
    repeats,
    sample_document,
    unstable,
)
from reporting import figures, rows, timeline, words
from reporting.document import SCHEMA, caveats
from reporting.findings import findings
from reporting.page import SECTIONS
from reporting.verdict import verdict

REPORT = Path(perf_report.__file__).parents[1] / "report"


def summary_rows(*found: dict) -> list[dict]:
    """Rows of the summary of these repeats."""
    return points.records(points.summarise(pd.DataFrame(found), {}))


def verdict_of(*found: dict, **checks: dict) -> str:
    """The verdict on these repeats; variants are healthy but for `checks`."""
    return verdict(summary_rows(*found), {one["variant"]: healthy(one["variant"]) for one in found} | checks)


def found_by(rule: str, *found: dict) -> list[str]:
    """Texts of the findings of one rule in these repeats."""
    return [one.text for one in findings(summary_rows(*found), {}, [], 64) if one.rule == rule]


# The summary over repeats


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


# Without a server


def in_process_repeats() -> list[dict]:
    """Two repeats of one model at two batch sizes."""
    return [
        {"variant": "fast", "batch_size": size, "repeat": repeat, "throughput": throughput * (1 + 0.1 * repeat),
         "latency_p50": 100.0, "calls": 40, "threads": 1}
        for repeat in (1, 2) for size, throughput in ((64, 20_000.0), (128, 10_000.0))
    ]  # fmt: skip


def test_in_process_limit_is_the_median_with_bounds_and_the_best_batch() -> None:
    first, second = in_process.summary(pd.DataFrame(in_process_repeats()))
    assert (first["variant"], first["batch_size"], first["throughput"]) == ("fast", 64, 23_000)
    assert first["throughput_low"] < 22_000 < 24_000 < first["throughput_high"]
    assert second["throughput"] == 11_500
    assert in_process.limits([first, second]) == {"fast": 23_000}


def test_in_process_without_any_repeat(tmp_path: Path) -> None:
    points.write(tmp_path / "unhealthy.csv", pd.DataFrame(), in_process.COLUMNS)
    assert in_process.summary(in_process.read([tmp_path / "unhealthy.csv"])) == []


# The verdict


def test_verdict_of_the_sample() -> None:
    assert sample_document()["verdict"] == (
        "fast serves 5,100 infer/s at concurrency 65 over gRPC: 1.25× slow, 62 % of the ceiling; "
        "accuracy 99.1 %, equal to PyTorch. Not compared: shaky (unstable) and broken (unhealthy)."
    )


def test_verdict_with_one_variant_and_no_ceiling() -> None:
    assert verdict_of(measured("a", 1, 10)) == (
        "a serves 10 infer/s at concurrency 1 over gRPC; accuracy 99.1 %, equal to PyTorch."
    )


def test_verdict_never_names_the_ceiling_as_winner() -> None:
    assert verdict_of(measured("null", 1, 100), measured("a", 1, 10)).startswith("a serves 10 infer/s")
    assert verdict_of(measured("null", 1, 100)).startswith("Only the ceiling was measured: 100 infer/s")
    assert verdict_of(failed("null", 1, "no")).startswith("Only the ceiling was measured, and it failed")


def test_verdict_when_all_failed() -> None:
    found = verdict_of(failed("a", 1, "no"), failed("b", 1, "no"), b=healthy("b", reasons=("not ready",)))
    assert found == "No variant has a usable point at concurrency 1 over gRPC: a failed and b is unhealthy."


def test_verdict_takes_first_protocol_and_batch_at_highest_concurrency() -> None:
    found = verdict_of(
        measured("a", 65, 10, batch_size=8, protocol="http"),
        measured("a", 1, 99, batch_size=8, protocol="http"),
        measured("a", 257, 99, batch_size=1, protocol="http"),
        measured("a", 257, 99, batch_size=8),
    )
    assert found.startswith("a serves 10 infer/s at concurrency 65 over HTTP, batch 8;")


def test_verdict_prefers_stable_points_to_faster_ones() -> None:
    found = verdict_of(unstable("a", 1, 100), measured("b", 1, 10))
    assert found.startswith("b serves 10 infer/s")
    assert found.endswith("Not compared: a (unstable).")


@pytest.mark.parametrize(
    ("status", "words"),
    [("unstable", "a point that did not become stable"), ("client_bound", "a point at which the load generator")],
)
def test_verdict_says_that_the_best_point_is_not_stable(status: str, words: str) -> None:
    assert f"over gRPC, {words}" in verdict_of(measured("a", 1, 10, status=status))


def test_verdict_leaves_out_unhealthy_variants() -> None:
    found = verdict_of(measured("a", 1, 100), measured("b", 1, 10), a=healthy("a", reasons=("accuracy",)))
    assert found.startswith("b serves")
    assert "Not compared: a (unhealthy)." in found


def test_verdict_says_when_repeats_overlap() -> None:
    found = [measured(name, 1, base + 10 * repeat, repeat=repeat) for name, base in _CLOSE for repeat in (1, 2)]
    assert "1.04× b (their repeats overlap)" in verdict_of(*found)


_CLOSE = (("a", 105), ("b", 100))


def test_verdict_says_how_far_answers_are_from_pytorch() -> None:
    assert "agreement with PyTorch 99.80 %" in verdict_of(measured("a", 1, 10), a=healthy("a", agreement=0.998))


# Findings


def test_healthy_stable_steady_run_raises_no_doubt() -> None:
    found = findings(summary_rows(measured("a", 1, 100)), {"a": healthy("a")}, [engine()], 64)
    assert [one.rule for one in found] == ["where_time_goes", "batching"]


def test_unhealthy_variant_is_a_finding_with_its_reasons() -> None:
    checks = {"a": healthy("a", reasons=("grpc: not live", "http: not live"))}
    (found,) = [one for one in findings(summary_rows(measured("a", 1, 1)), checks, [], 64) if one.rule == "unhealthy"]
    assert found.evidence == "grpc: not live; http: not live"


def test_other_precision_is_a_finding() -> None:
    found = findings(summary_rows(measured("a", 1, 1)), {}, [engine("bf16")], 64)
    assert found[0].text == "The openvino engine computes in bf16, although f32 was requested."


def test_points_that_are_not_stable_are_counted() -> None:
    (text,) = found_by("not_stable", unstable("a", 1, 10), measured("a", 65, 10), failed("b", 1, "no"))
    assert text.startswith("2 of 3 points are not stable")


@pytest.mark.parametrize(("other", "count"), [(125, 0), (140, 1)])
def test_spread_of_repeats(other: int, count: int) -> None:
    assert len(found_by("wide_spread", measured("a", 1, 100), measured("a", 1, other, repeat=2))) == count


@pytest.mark.parametrize(
    ("throughput", "meaning"),
    [
        (110, "equal within the noise"),
        (90, "a faster model would gain little"),
        (60, "share the time"),
        (20, "beyond the ceiling takes most of the time"),
    ],
)
def test_share_of_the_ceiling(throughput: int, meaning: str) -> None:
    (text,) = found_by("ceiling_share", measured("a", 1, throughput), measured("null", 1, 100))
    assert text.startswith(f"a reaches {throughput} % of the ceiling")
    assert meaning in text


def test_no_ceiling_no_share() -> None:
    assert found_by("ceiling_share", measured("a", 1, 100)) == []


def test_largest_part_of_the_latency() -> None:
    (text,) = found_by("where_time_goes", measured("a", 1, 100, server_queue=9000.0, server_compute_infer=0.0))
    assert text.startswith("90 % of a's latency at concurrency 1 over gRPC is waiting in the server's queue")
    assert found_by("where_time_goes", unstable("a", 1, 100)) == []


def test_effective_batch_is_set_against_opt() -> None:
    assert found_by("batching", measured("a", 1, 100)) == [
        "a computes 16.0 samples at a time at concurrency 1 over gRPC; the opt shape has 64."
    ]


def test_falling_throughput() -> None:
    (text,) = found_by("falling", measured("a", 1, 10), measured("a", 16, 100), measured("a", 65, 80))
    assert "it serves 20 % less than at concurrency 16" in text
    assert found_by("falling", measured("a", 16, 100), measured("a", 65, 95)) == []


# Rows, words and plots


def test_percentiles_from_few_requests_are_indicative() -> None:
    (row,) = summary_rows(measured("a", 1, 100, requests=60_000))
    assert rows.indicative(row) == ["latency_p99"]
    (row,) = summary_rows(*(measured("a", 1, 100, requests=20_000, repeat=repeat) for repeat in (1, 2)))
    assert rows.indicative(row) == ["latency_p90", "latency_p95", "latency_p99"]


def test_parts_of_the_latency_add_up() -> None:
    (row,) = summary_rows(measured("a", 1, 100))
    assert sum(value or 0 for value in rows.breakdown(row).values()) == pytest.approx(row["latency_avg"])


def test_labels_name_what_differs() -> None:
    found = summary_rows(measured("a", 1, 1), measured("a", 1, 1, protocol="http"))
    assert rows.labels(found) == ["a, gRPC", "a, HTTP"]
    assert rows.labels(found[:1]) == ["a"]


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), (682, "0.68"), (13_543, "13.5"), (268_136, "268")])
def test_milliseconds(value: float | None, shown: str) -> None:
    assert words.milliseconds(value) == shown


def test_ceiling_is_grey_and_variants_differ() -> None:
    looks = figures.looks(sample_document()["rows"])
    assert len(set(looks.values())) == len(THROUGHPUTS)


def test_plots_of_a_run_in_which_all_failed() -> None:
    document = {"rows": summary_rows(failed("a", 1, "no")), "timeline": []}
    plots = [plot for section in SECTIONS for plot in section.plots(document).values()]
    assert plots
    assert all(not plot.data for plot in plots)


# The document


def test_document_follows_its_schema_and_has_no_nan() -> None:
    document = sample_document()
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    document["rows"][0]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_schema_has_the_columns_of_the_summary() -> None:
    assert json.loads(SCHEMA.read_text())["$defs"]["row"]["required"] == points.SUMMARY_COLUMNS


def test_caveats_name_requests_and_server() -> None:
    text = " ".join(caveats(repeats(), health()))
    assert "30,000 to 30,000 requests" in text
    assert "The bundled Triton (2.51.0)" in text


def test_script_writes_page_csv_and_json(tmp_path: Path) -> None:
    inputs = _write_inputs(tmp_path)
    outputs = {name: tmp_path / f"perf_report.{name}" for name in ("page", "csv", "json")}
    arguments = [part for name, path in outputs.items() for part in (f"--{name}", str(path))]
    template = ["--template", str(REPORT / "perf_report.html.j2")]
    perf_report.main(perf_report.arguments().parse_args([*inputs, *template, *arguments]))
    table = points.read(outputs["csv"])
    document = json.loads(outputs["json"].read_text())
    assert list(table.columns) == points.SUMMARY_COLUMNS
    pd.testing.assert_frame_equal(table, pd.DataFrame(document["rows"]).astype(table.dtypes.to_dict()))
    assert len(table) == len(THROUGHPUTS) * len(CONCURRENCIES)
    assert document["verdict"].startswith("fast serves")
    assert len(document["in_process"]) == 2
    fractions = table.set_index(["variant", "concurrency"])["in_process_fraction"]
    assert fractions["shaky", 1] == pytest.approx(510 / 23_000)
    assert fractions[["slow", "broken", "null"]].isna().all()
    assert "<h1>" in outputs["page"].read_text()


def _write_inputs(root: Path) -> list[str]:
    """The files of the other stages, and the arguments that name them."""
    records = other_records()
    config = root / "run_config.yaml"
    config.write_text(yaml.safe_dump(records.pop("config")))
    records["metrics"] = records.pop("model")
    del records["timeline"]
    for name, record in {**records, "engine": engine(), **{f"health_{k}": v for k, v in health().items()}}.items():
        (root / f"{name}.json").write_text(json.dumps(record))
    points.write(root / "perf.csv", repeats(), points.REPEAT_COLUMNS)
    points.write(root / "in_process.csv", pd.DataFrame(in_process_repeats()), in_process.COLUMNS)
    return [
        *("--settings", '{"models": {"fast": "fast", "shaky": "fast"}}', "--in-process", str(root / "in_process.csv")),
        *("--tables", str(root / "perf.csv"), "--engines", str(root / "engine.json"), "--run-config", str(config)),
        *("--logs", str(root)),
        *("--health", *(str(root / f"health_{name}.json") for name in THROUGHPUTS)),
        *(part for name in records for part in (f"--{name}", str(root / f"{name}.json"))),
    ]


def test_timeline_from_the_logs_of_jobs(tmp_path):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "train.log").write_text("2026-11-24 06:00:01,500 DEBUG train.py\n2026-11-24 06:00:41,000 DEBUG done\n")
    (tmp_path / "sweep" / "null-1.log").write_text("2026-11-24 06:00:40,000 DEBUG sweep.py\nTraceback\n")
    (tmp_path / "sweep" / "null-1.server.log").write_text("I1124 06:00:40 server.cc:1] ready\n")
    found = timeline.jobs(tmp_path)
    assert [(job["job"], job["seconds"]) for job in found] == [("train", 39.5), ("sweep/null-1", 0.0)]
    started = datetime.fromisoformat(found[0]["started"])
    assert started.replace(tzinfo=None) == datetime(2026, 11, 24, 6, 0, 1, 500_000)
    assert started.tzinfo is not None


def test_pauses_between_invocations_have_no_place_in_the_timeline():
    found = [
        {"job": name, "started": f"2026-11-24T06:{minute:02}:00+00:00", "seconds": seconds}
        for name, minute, seconds in (("one", 0, 30.0), ("two", 1, 50.0), ("three", 10, 5.0), ("four", 11, 5.0))
    ]
    # Between the end of the second job and the third lie eight minutes; thirty and 55 seconds are kept.
    assert timeline.offsets(found) == [0.0, 60.0, 110.0, 170.0]


def test_without_a_log_there_is_no_timeline():
    assert timeline.view({"timeline": []}) is None
