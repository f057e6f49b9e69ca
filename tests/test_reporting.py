"""The verdict, the findings, and the document that holds them."""

import json
import re
from itertools import pairwise
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
import yaml

from analyse import formatting, pareto, rows, sittings, tables
from analyse import summary as summary_of
from analyse.document import SCHEMA, caveats, document
from analyse.intervals import Interval
from conftest import ROOT, Programs
from model.comparison import OutputDifference, record
from record import points
from report_sample import (
    CONCURRENCIES,
    TEMPLATE,
    THROUGHPUTS,
    at_rate,
    engine,
    failed,
    health,
    healthy,
    in_process_repeats,
    measured,
    other_records,
    repeats,
    rounds,
    sample_document,
    summary_rows,
    unstable,
)
from serve.variants import NAMED, VARIANTS
from show import breakdown, figures, limits, ranking, rates
from show.page import SECTIONS, render


def test_parts_of_the_latency_add_up() -> None:
    (row,) = summary_rows(measured("a", 1, 100))
    assert sum(value or 0 for value in rows.breakdown(row).values()) == pytest.approx(row["latency_avg"])


def test_layers_hold_what_is_asked_in_one_way() -> None:
    found = summary_rows(
        measured("a", 1, 1),
        measured("a", 1, 1, protocol="http"),
        measured("b", 1, 1),
        measured("a", 1, 1, batch_size=8),
    )
    layers = rows.layers(found)
    assert [layer.label for layer in layers] == ["gRPC", "HTTP", "gRPC, batch 8"]
    assert [[row["variant"] for row in layer.rows] for layer in layers] == [["a", "b"], ["a"], ["a"]]


def test_front_has_the_points_that_no_other_one_beats() -> None:
    found = [
        measured("slow", 1, 100, latency_p50=900.0),
        measured("fast", 1, 200, latency_p50=500.0),
        measured("fast", 16, 900, latency_p50=2000.0),
        measured("same", 16, 900, latency_p50=3000.0),
        measured("sick", 16, 9000, latency_p50=100.0),
        measured("null", 1, 9000, latency_p50=100.0),
        failed("slow", 16, "no"),
    ]
    checks = {one["variant"]: healthy(one["variant"]) for one in found} | {"sick": healthy("sick", reasons=("no",))}
    front = pareto.fronts(summary_rows(*found), checks)
    assert [(one["variant"], one["concurrency"]) for one in front] == [("fast", 1), ("fast", 16)]


def test_labels_of_lines_keep_apart_and_inside() -> None:
    places = figures.spread_out({"a": 0.5, "b": 0.501, "c": 0.99, "d": 0.995, "e": 1.0}, 440)
    ordered = [places[name] for name in "abcde"]
    assert ordered == sorted(ordered)
    assert min(high - low for low, high in pairwise(ordered)) > 0.03
    assert 0 <= ordered[0] <= ordered[-1] <= 1


def test_positions_on_an_axis() -> None:
    for axis in (figures.axis_of([10, 50]), figures.axis_of([10, 5000])):
        assert 0 <= figures.position(axis, 10) < figures.position(axis, 50)
        assert figures.at(axis, figures.position(axis, 42)) == pytest.approx(42)


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), (682, "0.68"), (13_543, "13.5"), (268_136, "268")])
def test_milliseconds(value: float | None, shown: str) -> None:
    assert formatting.milliseconds(value) == shown


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        ((3.2, 3.4, 3.6), "3.4× [3.2, 3.6]"),
        ((0.9, 1.1, 2.1), "1.10× [0.90, 2.1]"),
        ((1e-4, 3, 1e5), "3.0× [<0.01, >1,000]"),
    ],
)
def test_ratio(interval: tuple[float, float, float], shown: str) -> None:
    assert formatting.ratio(Interval(*interval)) == shown


def test_looks_of_variants_differ() -> None:
    names = [f"v{index}" for index in range(20)]
    looks = figures.looks([{"variant": name} for name in [*names, "null"]])
    assert len({(look.colour, look.symbol) for look in looks.values()}) == 21
    assert len({looks[name].symbol for name in names[:10]}) == 10


def test_plots_of_a_run_in_which_all_failed() -> None:
    document = sample_document(pd.DataFrame([failed("fast", 1, "no")]))
    plots = {name: plot for section in SECTIONS for name, plot in section.plots(document).items()}
    figures_of_points = {"tradeoff-grpc-1-none", "scaling-grpc-1-none", "breakdown-grpc-1-none", "limits"}
    assert set(plots) == figures_of_points | {"published", "timeline"}
    assert not any(trace.x for name in figures_of_points for trace in plots[name].data)


def test_every_section_has_its_part() -> None:
    assert all((TEMPLATE.parent / f"{section.name}.html.j2").exists() for section in SECTIONS)


# The sections


def test_ranking_is_by_throughput_with_the_ceiling_last() -> None:
    found = ranking.view(sample_document())
    assert [line["row"]["variant"] for line in found["lines"]] == ["fast", "slow", "shaky", "broken", "null"]
    assert found["base"] is None
    assert [line["bar"] is None for line in found["lines"]] == [False, False, False, True, False]


def test_ranking_tells_the_rounds_of_all_from_those_that_were_added() -> None:
    turns = rounds({"fast": 5000, "slow": 4000, "shaky": 3000}, 11)
    turns = turns[(turns["round"] <= 9) | (turns["variant"] != "shaky")]
    found = ranking.view(sample_document(turns=turns))
    assert (found["rounds"], found["added"]) == (9, 2)


def test_a_ceiling_far_above_the_rest_leaves_them_the_scale() -> None:
    table = repeats()
    table.loc[table["variant"] == "null", "throughput"] *= 20
    lines = ranking.view(sample_document(table))["lines"]
    assert [line["row"]["variant"] for line in lines if line["beyond"]] == ["null"]
    assert lines[-1]["bar"] is None
    assert 95 < max(line["bar"]["value"] for line in lines if line["bar"]) <= 100
    assert "beyond the scale" in render(sample_document(table), TEMPLATE)


def test_ranking_has_ratios_to_the_demos_way() -> None:
    table = repeats().replace({"variant": {"slow": "pytriton"}})
    turns = rounds({"fast": 500, "pytriton": 400, "broken": 300, "null": 900})
    health_of = health()
    health_of["pytriton"] = health_of.pop("slow")
    summary = summary_of.summarise(table, {}, rounds=turns)
    document_of = document(summary, table, turns, [], health_of, [], other_records())
    lines = {line["row"]["variant"]: line for line in ranking.view(document_of)["lines"]}
    assert lines["fast"]["compared"].result == "faster"
    assert lines["fast"]["bar"]["low"] < lines["fast"]["bar"]["value"] < lines["fast"]["bar"]["high"]
    assert [lines[name]["compared"] for name in ("pytriton", "broken", "null")] == [None] * 3


def test_what_to_serve_for_what() -> None:
    table = [
        measured("fast", 1, 1000, memory_mib=300.0),
        measured("fast", 65, 5000, latency_p99=30_000.0, memory_mib=300.0),
        measured("slow", 1, 1200),
        measured("slow", 65, 4000, latency_p99=19_000.0),
        measured("broken", 65, 9000),
        unstable("shaky", 65, 9000),
        measured("null", 65, 9900),
    ]
    found = sample_document(pd.DataFrame(table))["choices"]
    assert [(one["goal"], one["variant"], one["concurrency"]) for one in found] == [
        ("most throughput", "fast", 65),
        ("most throughput with p99 ≤ 20 ms", "slow", 65),
        ("lowest latency, 1 in flight", "slow", 1),
    ]
    assert (found[0]["memory_mib"], found[0]["cost_per_million"]) == (300, pytest.approx(0.02))
    assert found[0]["next"] == ["make serve VARIANT=fast"]


def test_what_to_serve_when_nothing_is_in_time() -> None:
    found = sample_document(pd.DataFrame([measured("fast", 1, 10, latency_p99=90_000.0)]))
    assert [one["variant"] for one in found["choices"]] == ["fast", None, "fast"]
    assert "no stable point of a healthy variant" in render(found, TEMPLATE)


def test_figures_of_several_sittings_hosts_and_jobs_are_marked() -> None:
    def at(variant: str, started: str, host: str = "one") -> dict:
        return {**measured(variant, 1, 10), "started": f"2026-11-28T{started}:00+00:00", "host": host}

    turns = rounds({"a": 2, "b": 1}).assign(host="one")
    together = pd.DataFrame([at("a", "08:40"), at("b", "09:20")])
    assert sittings.sittings(together, turns) == []
    apart = pd.DataFrame([at("a", "07:10"), at("b", "09:20"), at("c", "09:21", "two")])
    assert sittings.sittings(apart, turns.assign(job=["x", "y"] * 9)) == [
        "2026-11-28 07:10 UTC on one: a load by load.",
        "2026-11-28 09:01 UTC on one: a and b head to head; b load by load.",
        "2026-11-28 09:21 UTC on two: c load by load.",
        "The rounds head to head come from 2 jobs.",
    ]
    assert "Not measured together" in render(sample_document() | {"sittings": ["Then."]}, TEMPLATE)


def test_the_way_of_a_request_through_the_winner_adds_up() -> None:
    way = breakdown.route(sample_document())
    assert way["row"]["variant"] == "fast"
    assert [stop["name"] for stop in way["stops"]] == ["queue", "input", "infer", "output", "rest"]
    assert sum(stop["time"] for stop in way["stops"]) == pytest.approx(way["row"]["latency_avg"])


def test_ticks_that_would_touch_have_no_text() -> None:
    assert figures.ticks([1, 16, 64, 128])["ticktext"] == ["1", "16", "64", "128"]
    assert figures.ticks([1, 120, 128])["ticktext"] == ["1", "", "128"]


def test_a_variant_has_the_same_look_in_every_report() -> None:
    alone, among = figures.looks([{"variant": "onnx"}]), figures.looks([{"variant": "bls"}, {"variant": "onnx"}])
    assert alone["onnx"] == among["onnx"] != among["bls"]
    known = figures.looks([{"variant": name} for name in VARIANTS])
    assert len({look.colour for name, look in known.items() if name in NAMED}) == len(NAMED)
    assert len({(look.colour, look.symbol) for look in known.values()}) == len(VARIANTS)


def test_rates_show_how_many_were_in_time() -> None:
    table = pd.DataFrame([*repeats().to_dict("records"), at_rate("fast", 100, 1.0), at_rate("fast", 900, 0.4)])
    document = sample_document(table)
    assert [row["slo_met"] for row in rates.view(document)["rows"]] == [1.0, 0.4]
    (plot,) = rates.plots(document).values()
    assert (plot.data[0].x, plot.data[0].y) == ((100, 900), (1.0, 0.4))
    assert rates.view(sample_document()) is None


def test_limits_stand_side_by_side() -> None:
    document = sample_document(limit=10_000.0)
    (row, found), *_ = limits.view(document)["lines"]
    expected = {"ceiling": 8160, "model alone": 10_000, "bound": 1 / (1 / 8160 + 1 / 10_000)}
    assert (row["variant"], found) == ("fast", pytest.approx(expected))
    plot = limits.plots(document)["limits"]
    marks = {trace.y[0]: trace.x for trace in plot.data if trace.error_x.array is None}
    assert marks["fast"] == pytest.approx(tuple(expected.values()))
    assert {trace.y[0] for trace in plot.data} == {"fast", "slow", "shaky"}


def test_limits_are_left_out_when_there_are_none() -> None:
    table = repeats()
    assert limits.view(sample_document(table[table["variant"] != "null"])) is None


# The document


def test_document_follows_its_schema_and_has_no_nan() -> None:
    document = sample_document()
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    document["rows"][0]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_page_shows_what_the_json_holds_and_nothing_else() -> None:
    document = sample_document()
    assert render(json.loads(json.dumps(document)), TEMPLATE) == render(document, TEMPLATE)


def test_page_has_a_line_for_every_output_of_an_export() -> None:
    document = sample_document()
    boxes, labels = OutputDifference(max_abs_error=0.25, max_rel_error=0.125), OutputDifference(equal=0.75)
    document["parity"]["exports"] = {"onnx": {"1": record({"boxes": boxes, "labels": labels})}}
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    page = re.sub(r"<[^>]*>|\s", " ", render(document, TEMPLATE))
    lines = " ".join(page.split())
    assert "onnx 1 boxes 0.25 0.12 – onnx 1 labels – – 75.00 %" in lines


def test_schema_has_the_columns_of_the_summary() -> None:
    assert json.loads(SCHEMA.read_text())["$defs"]["row"]["required"] == summary_of.SUMMARY_COLUMNS


def test_every_column_is_explained() -> None:
    """docs/report.md has each in the first cell of a row."""
    text = (ROOT / "docs" / "report.md").read_text().partition("## The columns of perf_summary.csv")[2]
    explained = re.findall(r"^\| (`[^|]*`) \| ", text, re.MULTILINE)
    assert set(summary_of.SUMMARY_COLUMNS) <= {name for cell in explained for name in re.findall(r"`(\w+)`", cell)}


def test_caveats_name_requests_and_server() -> None:
    text = " ".join(caveats(repeats(), health()))
    assert "30,000 to 30,000 requests" in text
    assert "The bundled Triton (2.51.0)" in text


def test_script_writes_page_csv_and_json(script: Programs, tmp_path: Path) -> None:
    inputs = _write_inputs(tmp_path)
    outputs = {name: tmp_path / f"perf_report.{name}" for name in ("page", "csv", "json")}
    arguments = [part for name, path in outputs.items() for part in (f"--{name}", str(path))]
    template = ["--template", str(TEMPLATE)]
    found = script("perf_report.py", *inputs, *template, *arguments)
    assert found.returncode == 0, found.stderr
    table = tables.read(outputs["csv"])
    document = json.loads(outputs["json"].read_text())
    assert list(table.columns) == summary_of.SUMMARY_COLUMNS
    pd.testing.assert_frame_equal(table, pd.DataFrame(document["rows"]).astype(table.dtypes.to_dict()))
    assert len(table) == len(THROUGHPUTS) * len(CONCURRENCIES)
    assert document["verdict"].startswith("fast is fastest")
    assert len(document["in_process"]) == 2
    fractions = table.set_index(["variant", "concurrency"])["in_process_fraction"]
    assert fractions["shaky", 1] == pytest.approx(510 / 24_000)
    assert fractions[["slow", "broken", "null"]].isna().all()
    assert "<h1>" in outputs["page"].read_text()


def _write_inputs(root: Path) -> list[str]:
    """The files of the other stages, and the arguments that name them."""
    records = other_records()
    config = root / "run_config.yaml"
    config.write_text(yaml.safe_dump(records.pop("config")))
    records["metrics"] = records.pop("model")
    del records["timeline"]
    for name, content in {**records, "engine": engine(), **{f"health_{k}": v for k, v in health().items()}}.items():
        (root / f"{name}.json").write_text(json.dumps(content))
    turns, alone = rounds({"fast": 5000, "slow": 4000, "null": 8000}), in_process_repeats()
    tables.write(root / "perf.csv", repeats(), points.REPEAT_COLUMNS)
    tables.write(root / "head_to_head.csv", turns, points.HEAD_TO_HEAD_COLUMNS)
    points.write(root / "in_process.csv", alone, points.IN_PROCESS_COLUMNS)
    measured = {"loads": len(repeats()), "rounds": int(turns["round"].max()), "batches": len(alone)}
    settings = json.dumps({"models": {"fast": "fast", "shaky": "fast"}, "gpus": {"fast": 1, "shaky": 1}, **measured})
    return [
        *("--settings", settings, "--in-process", str(root / "in_process.csv")),
        *("--points", str(root / "perf.csv"), "--engines", str(root / "engine.json"), "--run-config", str(config)),
        *("--logs", str(root), "--head-to-head", str(root / "head_to_head.csv")),
        *("--health", *(str(root / f"health_{name}.json") for name in THROUGHPUTS)),
        *(part for name in records for part in (f"--{name}", str(root / f"{name}.json"))),
    ]
