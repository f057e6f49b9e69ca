"""The smallest real run from end to end: which files there are, and what stands in them."""

import csv
import json
import re
from datetime import datetime, timedelta

import jsonschema
import onnx
import pytest
import yaml

from analyse import job_times
from conftest import DEFAULT, FULL, ROOT, merged
from expected import expected_outputs
from plan.config import checked
from record.points import HEAD_TO_HEAD_COLUMNS

CONFIG = merged(DEFAULT, yaml.safe_load((ROOT / FULL).read_text()))
VARIANTS = CONFIG["variants"]
# Those with a model of their own.
COMPUTING = ("openvino", "aotinductor", "pytriton")
CACHED = ("dataset", "train", "reference", "export", "engine/tensorrt_rtx")
JOBS = [
    "dataset", "train", "accept", "reference", "export", "parity",
    "engine/openvino", "engine/aotinductor", "engine/tensorrt_rtx", "head_to_head", "provenance", "perf_report",
    *(f"{job}/{variant}" for variant in VARIANTS for job in ("repository", "healthcheck", "judgement")),
    *(f"sweep/{variant}-1" for variant in VARIANTS),
    *(f"in_process/{variant}-1" for variant in COMPUTING),
]  # fmt: skip
SERVED = ["head_to_head", *(name for variant in VARIANTS for name in (f"healthcheck/{variant}", f"sweep/{variant}-1"))]
PYTRITON = [f"head_to_head.server.{variant}.log" for variant in VARIANTS if variant.startswith("pytriton")]
ROUNDS = range(1, 1 + CONFIG["sweep"]["rounds"])
POINTS = ["grpc_batch1_concurrency1", "grpc_batch1_concurrency4"]
PYTHON_MODEL = ("config.pbtxt", "1/model.py", "1/runtime.py")


def native(engine, *files):
    """The files of a model that a native backend serves."""
    return {f"mnist_{engine}/{name}" for name in ("config.pbtxt", f"libtriton_endpoints_{engine}.so", *files)}


OPENVINO = native("openvino", "1/model.blob")
BLS = {f"mnist_bls/{name}" for name in ("config.pbtxt", "1/model.py", "1/processing.py")}
STEPS = {
    f"mnist_ensemble_{step}/{name}" for step in ("prepare", "interpret") for name in (*PYTHON_MODEL, "1/processing.py")
}
REPOSITORIES = {
    "openvino": OPENVINO,
    "aotinductor": native("aotinductor", "1/model.pt2"),
    "pytriton": {"pytriton.json", "runtime.py", "processing.py", "outputs.py", "model.pt"},
    "pytriton_engine": {"pytriton.json", "runtime.py", "processing.py", "outputs.py", "model.blob"},
    "bls": OPENVINO | BLS,
    "ensemble": OPENVINO | STEPS | {"mnist_ensemble/config.pbtxt"},
    "null": native("null"),
}
OUTPUTS = expected_outputs(CONFIG)
FILES = {
    *(name for name in OUTPUTS if not name.startswith(("repository/", "backends/")) and not name.endswith("/raw")),
    *(f"repository/{variant}.json" for variant in REPOSITORIES),
    *(f"repository/{variant}/{name}" for variant, names in REPOSITORIES.items() for name in names),
    *(f"perf/{variant}/repeat-1/raw/{point}.{ending}"
      for variant in VARIANTS for point in POINTS for ending in ("csv", "txt")),
    *(f"points/{variant}/repeat-1/{point}/{point}.{ending}"
      for variant in VARIANTS for point in POINTS for ending in ("csv", "txt")),
    *(f"points/{variant}/repeat-1/{point}/point.json" for variant in VARIANTS for point in POINTS),
    *(f"perf/head_to_head/raw/{variant}-{number}/{POINTS[-1]}.{ending}"
      for variant in VARIANTS for number in ROUNDS for ending in ("csv", "txt")),
    # perf_analyzer also writes what it found of the models inside an ensemble.
    *(f"{directory}/{inner}_v1.{point}.csv"
      for inner in ("mnist_ensemble_prepare", "mnist_openvino", "mnist_ensemble_interpret")
      for directory, point in [
          *(("perf/ensemble/repeat-1/raw", point) for point in POINTS),
          *((f"points/ensemble/repeat-1/{point}", point) for point in POINTS),
          *((f"perf/head_to_head/raw/ensemble-{number}", POINTS[-1]) for number in ROUNDS),
      ]),
    "provenance/manifest.json", "ro-crate-metadata.json",
    # Rules that may be cached have none.
    *(f"benchmarks/{job}.tsv" for job in JOBS if job not in CACHED),
    *(f"logs/{job}.log" for job in JOBS),
    *(f"logs/{job}.server.log" for job in SERVED),
    *(f"logs/{name}" for name in PYTRITON),
}  # fmt: skip
# An unstable point has no CSV of its own.
UNSTABLE = {name for name in FILES if re.search("/raw/|^points/", name) and name.endswith(".csv")}


@pytest.fixture(scope="module")
def run(finished_run):
    return finished_run.root / "artifacts" / "test"


def read(path):
    return json.loads(path.read_text())


def test_files(run):
    """No file is missing, none is left over; Snakemake's own marks aside."""
    found = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert {name for name in found if not name.endswith(".snakemake_timestamp")} - UNSTABLE == FILES - UNSTABLE


def test_dataset_and_accuracy(run):
    described = read(run / "dataset" / "dataset.json")
    assert described["train"]["per_class"] == [400] * 10
    assert described["test"]["per_class"] == [100] * 10
    metrics = read(run / "model" / "metrics.json")
    assert 0.9 <= metrics["accuracy"] <= 1
    assert (metrics["train_samples"], metrics["test_samples"], metrics["epochs"]) == (4000, 1000, 2)


@pytest.mark.parametrize(
    ("backend", "precision"), [("openvino", "fp32"), ("aotinductor", "fp32"), ("tensorrt_rtx", "fp32")]
)
def test_engine_record(run, backend, precision):
    record = read(run / "engine" / backend / "engine.json")
    jsonschema.validate(record, read(ROOT / "workflow" / "schemas" / "engine.schema.json"))
    assert record["profiles"] == [
        {bound: {"input": [batch, 1, 28, 28]} for bound, batch in (("min", 1), ("opt", 64), ("max", 128))}
    ]
    assert record["precision"] == {"requested": precision, "obtained": precision}


def model(variant):
    """Name of the served model."""
    return "MnistInfer" if variant.startswith("pytriton") else f"mnist_{variant}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_health(run, variant):
    health = read(run / "health" / f"{variant}.json")
    assert (health["variant"], health["model"], health["samples"]) == (variant, model(variant), 128)
    assert health["healthy"] is True
    assert health["reasons"] == []
    assert list(health["protocols"]) == ["grpc", "http"]
    for found in health["protocols"].values():
        flags = ["live", "ready", "model_ready", "metadata_as_promised", "refuses_beyond_profile"]
        assert [found[flag] for flag in flags] == [True] * 5
    # Without an engine there is no opt.
    sizes = ["1", "128"] if variant in ("pytriton", "null") else ["1", "64", "128"]
    assert list(health["protocols"]["grpc"]["parity"]) == sizes


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "null"])
def test_what_is_served_computes_what_pytorch_computes(run, variant):
    health = read(run / "health" / f"{variant}.json")
    assert health["accuracy"] >= 0.9
    for found in health["protocols"].values():
        assert all(one["agreement"] == 1 and one["max_abs_error"] <= 1e-3 for one in found["parity"].values())


@pytest.mark.parametrize("variant", VARIANTS)
def test_figures(run, variant):
    with (run / "perf" / variant / "repeat-1" / "points.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    key = ["variant", "protocol", "batch_size", "concurrency", "repeat"]
    assert [[row[name] for name in key] for row in rows] == [
        [variant, "grpc", "1", concurrency, "1"] for concurrency in ("1", "4")
    ]
    for row in rows:
        assert row["status"] in ("stable", "client_bound", "unstable"), row["reason"]
        assert float(row["throughput"]) > 0
        assert float(row["latency_avg"]) > 0
        assert 1 <= float(row["effective_batch"]) <= int(row["concurrency"])
        assert re.match(rf"TRITON_\w+_COUNT=\d+ perf_analyzer -m {model(variant)} ", row["command"])


def test_rounds_measure_every_variant_once_seconds_apart(run):
    with (run / "perf" / "head_to_head" / "points.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == HEAD_TO_HEAD_COLUMNS
    orders = [[row["variant"] for row in rows if row["round"] == str(number)] for number in ROUNDS]
    assert [sorted(order) for order in orders] == [sorted(VARIANTS)] * len(ROUNDS)
    assert orders[0] != orders[1]
    assert len({(row["job"], row["host"]) for row in rows}) == 1
    for row in rows:
        assert (row["status"], row["concurrency"], row["protocol"]) == ("measured", "4", "grpc"), row["reason"]
        assert float(row["throughput"]) > 0
        assert float(row["latency_p50"]) <= float(row["latency_p99"])
        assert 0 < float(row["seconds"]) <= 2
    started = [datetime.fromisoformat(row["started"]) for row in rows]
    assert started == sorted(started)


@pytest.fixture(scope="module")
def spans(run):
    """When each job began and ended, by the logs of the jobs, as the report's time line shows it."""
    return {job["job"]: (start := datetime.fromisoformat(job["started"]), start + timedelta(seconds=job["seconds"]))
            for job in job_times.jobs(run / "logs")}  # fmt: skip


def test_an_engine_compiles_while_the_model_is_exported(spans):
    (compiles, compiled), (exports, exported) = spans["engine/aotinductor"], spans["export"]
    assert compiles < exported
    assert exports < compiled


def test_nothing_is_set_up_twice(finished_run):
    """By the messages of the jobs in Snakemake's logs: that of the native backends, then that of all the rest."""
    logs = sorted((finished_run.root / ".snakemake" / "log").glob("*.snakemake.log"))[:2]
    begun = [message for log in logs for message in re.findall(r"^Job \d+: (.+)$", log.read_text(), re.MULTILINE)]
    assert {"Native backends", "Training", "Engine openvino", "Engine aotinductor"} <= {*begun}
    assert len(begun) == len({*begun})


def test_nothing_runs_beside_a_measurement(spans):
    """In a run with more cores than a sweep used to take."""
    measuring = [name for name in spans if name.startswith(("sweep/", "in_process/", "head_to_head"))]
    assert len(measuring) == 1 + len(VARIANTS) + len(COMPUTING)
    for name in measuring:
        start, end = spans[name]
        beside = [other for other, (begun, ended) in spans.items() if other != name and begun < end and start < ended]
        assert beside == [], name


def test_limits_stand_beside_the_figures(run):
    summary = read(run / "report" / "perf_summary.json")
    found = {(one["variant"], one["batch_size"]): one for one in summary["in_process"]}
    assert set(found) == {(variant, size) for variant in COMPUTING for size in (64, 128)}
    best = max(found["openvino", size]["throughput"] for size in (64, 128))
    # What builds on the engine is measured against the engine; what computes nothing against nothing.
    for row in summary["rows"]:
        if row["variant"] in ("openvino", "pytriton_engine", "bls", "ensemble"):
            assert row["in_process_fraction"] == pytest.approx(row["throughput"] / best)
        assert (row["in_process_fraction"] is None) == (row["variant"] == "null")


def test_one_repeat_has_no_interval_and_two_rounds_show_no_difference(run):
    summary = read(run / "report" / "perf_summary.json")
    assert {row["throughput_low"] for row in summary["rows"]} == {None}
    assert {(one["ratio"], one["result"]) for one in summary["comparisons"]} == {(None, "too few rounds")}
    assert {one["rounds"] for one in summary["comparisons"]} == {2}


def test_provenance(run):
    recorded = yaml.safe_load((run / "provenance" / "run_config.yaml").read_text())
    assert recorded == checked(CONFIG, ROOT).model_dump(mode="json")
    versions = read(run / "provenance" / "versions.json")
    assert versions["packages"]["onnx"] == onnx.__version__
    assert versions["triton"] == {"kind": "bundled", "version": "2.51.0"}


def test_logs_hold_no_traceback(run):
    assert not [path for path in run.glob("logs/**/*.log") if "Traceback" in path.read_text()]
