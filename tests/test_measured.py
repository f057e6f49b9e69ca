"""Load shapes, an unstable point and a slower model, on real servers."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyse import summary as summary_of
from analyse import tables
from conftest import MODEL, ROOT, checks
from model.reference import Reference, save
from plan.loads import Grid, Load, Windows
from record import inputs, perf_analyzer
from record.points import HEAD_TO_HEAD_COLUMNS
from serve import modelconfig, server
from serve import repository as repositories

WINDOWS = Windows(window_ms=400, stability_percent=80, max_windows=4, samples=2)
SAMPLES = Reference({"input": np.ones((2, 1, 28, 28), np.float32)}, {"output": np.zeros((2, 10))}, np.zeros(2))
TARGET = {"name": "small", "counted": "small", "device": "cpu", "model": MODEL, "inputs": []}
NULL = (ROOT / "workflow" / "backends" / "runtime_null.py").read_text()


def point(running: server.Server, load: Load, directory: Path, timeout: float = 60) -> dict:
    """Measure one level; raw files go to `directory`."""
    data = directory / "samples.json"
    data.write_text(inputs.as_json(SAMPLES))
    (directory / "libraries").mkdir(exist_ok=True)
    url = {"grpc": running.grpc, "http": running.http}[load.protocol]
    command = perf_analyzer.command("small", url, load, WINDOWS, data)
    return perf_analyzer.measure(command, load, directory, directory / "libraries", timeout, slo_ms=1000)


def asleep(repository: Path, seconds: str) -> None:
    """Let the model of a repository sleep in every call, for as long as an expression says."""
    (runtime,) = repository.rglob("runtime.py")
    slow = f"    def infer(batch):\n        time.sleep({seconds})\n"
    runtime.write_text("import time\n" + NULL.replace("    def infer(batch):\n", slow))


@pytest.mark.parametrize(
    "load",
    [
        Load("grpc", 1, load_mode="constant", request_rate=50.0),
        Load("http", 2, load_mode="poisson", request_rate=50.0),
        Load("grpc", 1, load_mode="poisson", request_rate=50.0, shared_memory="system"),
        Load("http", 1, 2, shared_memory="system"),
    ],
    ids=lambda load: load.name,
)
def test_load_shapes(null_server, tmp_path, load):
    found = point(null_server, load, tmp_path)
    assert found["status"] != "failed", found
    assert found["latency_p50"] > 0
    kept = tmp_path / f"{load.name}.requests.csv"
    assert kept.exists() == (not load.closed)
    if not load.closed:
        assert found["throughput"] == pytest.approx(50 * load.batch_size, rel=0.5)
        # Nothing takes a second here, but a busy machine may.
        assert 0.5 < found["slo_met"] <= 1
        assert found["latency_avg"] >= pd.read_csv(kept).eval("answered_ns - sent_ns").min() / 1e3
        assert not (tmp_path / f"{load.name}.json").exists()


@pytest.mark.slow
def test_a_rate_beyond_what_is_served_is_a_failed_point_that_says_so(make_repository, repository_settings, tmp_path):
    repository = make_repository(repository_settings, ROOT / "workflow/backends/runtime_null.py")
    asleep(repository, "1")
    with server.running(repository, ["small"], tmp_path / "triton.log") as running:
        found = point(running, Load("grpc", 16, load_mode="constant", request_rate=2000.0), tmp_path, timeout=15)
    assert found["status"] in ("failed", "unstable", "client_bound"), found
    assert found["reason"]
    assert found.get("slo_met", 0) < 0.5


@pytest.fixture
def swept(make_repository, repository_settings, script, tmp_path):
    """The row that the sweep's own script and the summary give for a model that sleeps."""

    def row(variant: str, seconds: str, **windows: float) -> dict:
        repository = make_repository(repository_settings, ROOT / "workflow/backends/runtime_null.py")
        # As PyTriton's models, which have no warm-up.
        (config,) = repositories.configs(repository)
        config.ClearField("model_warmup")
        (repository / config.name / "config.pbtxt").write_text(modelconfig.text(config))
        asleep(repository, seconds)
        save(tmp_path / "reference.npz", [SAMPLES])
        (tmp_path / "checks.json").write_text(checks(variant))
        found = script(
            "sweep.py", "--repository", repository, "--checks", "checks.json", "--reference", "reference.npz",
            "--store", "store", "--made-by", "1", "--server-log", "log", "--raw", "raw", "--points", "points.csv",
            settings={
                "variant": variant, "repeat": 1, "target": TARGET, "server": "bundled", "max_foreign_cpu": 1000,
                "grid": asdict(Grid(["grpc"], [1], [1])), "windows": {"samples": 2, **windows}, "slo_ms": None,
            },
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        (row,) = tables.records(summary_of.summarise(tables.read(tmp_path / "points.csv"), {}))
        assert row["variant"] == variant
        return row

    return row


@pytest.mark.slow
def test_an_unstable_point_stays_in_the_table(swept):
    """A model that is fast for half a second and slow for the next."""
    row = swept("moody", "0.05 * (time.monotonic() % 1 < 0.5)", window_ms=300, stability_percent=5, max_windows=4)
    assert row["status"] == "unstable"
    assert row["reason"] == "repeat 1: not stable within 4 windows; its figures are their medians"
    assert row["throughput"] > 0


def test_the_first_request_is_not_measured(swept):
    """One that takes as long as all windows: PyTriton's took longer than the first."""
    # The list in the model's module knows whether it was asked before.
    seconds = "0.005 if time in globals().setdefault('asked', []) else asked.append(time) or 1.5"
    row = swept("sleepy", seconds, window_ms=400, stability_percent=1e9, max_windows=3)
    assert (row["status"], row["reason"]) == ("stable", "")


def test_a_request_that_takes_longer_than_a_window_says_what_to_raise(swept):
    row = swept("slow", "0.5", window_ms=100, stability_percent=10, max_windows=3)
    assert row["status"] == "failed"
    assert row["reason"] == "repeat 1: no request was answered within a whole window: raise sweep.window_ms"


def summary(table: list[Mapping]) -> str:
    """What the gate reads of a perf_summary.json."""
    turns = [{**dict.fromkeys(HEAD_TO_HEAD_COLUMNS), "job": "one", "host": "here", **one} for one in table]
    return json.dumps({"run": "test", "rounds": turns, "system": {}, "versions": {}, "config": {}})


@pytest.mark.slow
def test_gate_finds_a_slower_model_in_four_rounds(null_server, make_repository, repository_settings, script, tmp_path):
    """The same model with and without 20 ms of sleep, and the ceiling, measured in turn."""
    load, table = Load("grpc", 1, 2), {"before": [], "now": []}
    slow = {}
    for name, seconds in (("before", "0.002"), ("now", "0.022")):
        slow[name] = make_repository(repository_settings, ROOT / "workflow/backends/runtime_null.py")
        asleep(slow[name], seconds)
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(server.running(repository, ["small"], tmp_path / f"{name}.log"))
            for name, repository in slow.items()
        }
        for number in (1, 2, 3, 4):
            for name, rows in table.items():
                for variant, running in (("null", null_server), ("model", servers[name])):
                    (tmp_path / f"{name}-{variant}-{number}").mkdir()
                    found = point(running, load, tmp_path / f"{name}-{variant}-{number}")
                    rows.append({"variant": variant, "round": number, **asdict(load), **found})
    for name, rows in table.items():
        (tmp_path / f"{name}.json").write_text(summary(rows))
    gate = {"margin_percent": 5, "against_ceiling": True}
    judged = script(
        "perf_gate.py", "--summary", "now.json", "--base", "before.json", "--gate", "gate.json", settings=gate
    )
    assert judged.returncode == 2, judged.stderr
    (line,) = (line for line in judged.stderr.splitlines() if line.startswith("model "))
    assert "of its earlier speed; the margin is 5 %." in line
    assert "Hint: " in judged.stderr
    assert not (tmp_path / "gate.json").exists()
    same = script("perf_gate.py", "--summary", "now.json", "--base", "now.json", "--gate", "gate.json", settings=gate)
    assert same.returncode == 0, same.stderr
    (change,) = json.loads((tmp_path / "gate.json").read_text())["variants"]
    assert (change["variant"], change["result"], change["rounds"]) == ("model", "no difference shown", [4, 4])
    assert change["ratio"]["low"] < 1 < change["ratio"]["high"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "is not a perf_summary.json"),
        ('{"run": "old", "repeats": [1]}', "was written by another version of the workflow"),
        ('{"run": "old", "rounds": []}', "run old (base.json) has no head-to-head rounds"),
    ],
)
def test_an_earlier_summary_that_cannot_be_compared_is_refused_by_name(script, tmp_path, content, said):
    (tmp_path / "base.json").write_text(content)
    (tmp_path / "now.json").write_text(summary([{"variant": "null", "round": 1, **asdict(Load("grpc", 1, 2))}]))
    gate = {"margin_percent": 5, "against_ceiling": True}
    found = script("perf_gate.py", "--summary", "now.json", "--base", "base.json", "--gate", "gate.json", settings=gate)
    assert (found.returncode, said in found.stderr, "base.json" in found.stderr) == (2, True, True), found.stderr
    assert not (tmp_path / "gate.json").exists()
