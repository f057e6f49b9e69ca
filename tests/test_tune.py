"""Model Analyzer itself, on a model that computes nothing: resumed after a kill, errors, the stage in the workflow."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import ANALYZER, FULL, MODEL, ROOT
from models.reference import load
from processes import MARK, marked, wait_for

WINDOWS = {"protocol": "grpc", "window_ms": 200, "stability_percent": 1000, "max_windows": 3, "samples": 2}
# With the default configuration three configurations at two concurrencies.
SEARCH = {
    "instances": [1],
    "max_batch_sizes": [16],
    "preferred_batch_sizes": [],
    "queue_delays_us": [0, 100],
    "threads": [],
    "concurrencies": [1, 2],
}
MEASUREMENTS = 6


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two samples for the model `small`."""
    path = tmp_path_factory.mktemp("reference") / "reference.npz"
    arrays = {"input:input": np.zeros((2, 1, 28, 28), np.float32), "output:output": np.zeros((2, 10), np.float32)}
    np.savez(path, labels=np.zeros(2, np.uint8), **arrays)
    assert len(load(path).inputs) == 1
    return path


@pytest.fixture
def command(tmp_path: Path, reference: Path) -> Callable[..., list[str]]:
    """The command line of a search in the test's own directory."""
    (tmp_path / "version.json").write_text('{"version": "any"}')
    (tmp_path / "health.json").write_text('{"variant": "small", "healthy": true, "reasons": []}')

    def make(repository: Path, **search: list[int]) -> list[str]:
        settings = {
            **{
                "server": "bundled",
                "mode": "manual",
                "search": SEARCH | search,
                "max_trials": 1,
                "steering": {},
                "batch_size": 1,
            },
            **{"windows": WINDOWS, "model": MODEL},
        }
        files = {
            **{"model-analyzer": ANALYZER, "version": "version.json", "health": "health.json"},
            **{"repository": repository, "reference": reference, "checkpoints": "checkpoints"},
            **{"analyzer-log": "analyzer.log", "server-log": "server.log", "log": "search.log"},
            **{"results": "results.csv", "configs": "configs"},
        }
        script = ROOT / "workflow" / "scripts" / "tune_search.py"
        options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
        return [sys.executable, str(script), "--settings", json.dumps(settings), *options]

    return make


def measured(tmp_path: Path) -> set[tuple[str, str]]:
    """Configuration and concurrency of every measurement that Model Analyzer has begun, by its log."""
    text = (tmp_path / "analyzer.log").read_text()
    return set(re.findall(r"Profiling (\S+): concurrency=(\d+)", text))


def checkpointed(tmp_path: Path) -> int:
    """Measurements in the newest checkpoint."""
    files = sorted(tmp_path.glob("checkpoints/*/*.ckpt"))
    try:
        results = json.loads(files[-1].read_text())["ResultManager.results"]["_results"]
    except (IndexError, ValueError):
        return 0
    return sum(len(config[1]) for model in results.values() for config in model.values())


@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_killed_search_goes_on_where_it_was(command, null_repository, tmp_path, number):
    mark = uuid.uuid4().hex
    arguments = command(null_repository)
    process = subprocess.Popen(arguments, cwd=tmp_path, env=os.environ | {MARK: mark}, stderr=subprocess.DEVNULL)
    wait_for(lambda: checkpointed(tmp_path) >= MEASUREMENTS // 2, "half of the measurements")
    process.send_signal(getattr(signal, number))
    process.wait(30)
    wait_for(lambda: not marked(mark), "the end of Model Analyzer, its server and its load", 20)
    kept = checkpointed(tmp_path)
    begun = measured(tmp_path)
    assert MEASUREMENTS // 2 <= kept < MEASUREMENTS
    assert not (tmp_path / "results.csv").exists()

    found = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    anew = measured(tmp_path)
    assert len(anew) == MEASUREMENTS - kept
    assert (tmp_path / "analyzer.log").read_text().count("Existing measurement found") == kept
    # What had begun when it was killed is the only one measured twice.
    assert len(anew & begun) <= 1
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert len({(row["Model Config Path"], row["Concurrency"]) for row in rows}) == MEASUREMENTS
    assert {path.stem for path in (tmp_path / "configs").iterdir()} == {row["Model Config Path"] for row in rows}
    # A finished search leaves nothing for another one to find.
    assert not (tmp_path / "checkpoints").exists()


def test_failed_measurement_is_an_error(command, make_repository, repository_settings, tmp_path):
    runtime = tmp_path / "runtime_picky.py"
    runtime.write_text(
        "def load(directory, config, threads, device):\n"
        "    if threads == 3:\n"
        "        raise ValueError('three is too many')\n"
        "    return lambda batch: [__import__('numpy').zeros((len(batch[0]), 10), 'float32')]\n"
    )
    repository = make_repository(repository_settings, runtime)
    arguments = command(repository, threads=[1, 3], queue_delays_us=[], concurrencies=[1])
    found = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 2, found.stderr
    assert "1 of the measurements failed: Model small_config_1 load failed" in found.stderr
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "results.csv").exists()
    # The others are kept: another run repeats only what failed.
    assert checkpointed(tmp_path) == 2


def test_missing_model_analyzer_is_said_in_one_line(script, tmp_path):
    found = script("tune_environment.py", "--model-analyzer", "nowhere/model-analyzer", "--version", "version.json")
    assert found.returncode == 2
    assert found.stderr.strip() == (
        "tune_environment.py: error: Model Analyzer is not at nowhere/model-analyzer. Hint: make tune installs it;"
        " tune.model_analyzer of the config says where it is"
    )
    assert not (tmp_path / "version.json").exists()


SEARCHED = {"model_analyzer.json", "openvino/results.csv", "openvino/configs"}
OUTPUTS = SEARCHED | {
    *("openvino/candidate", "openvino/candidate.json"),
    *("openvino/proof.csv", "openvino/proof", "openvino/choice.json"),
}


def test_stage_makes_its_outputs_and_a_second_run_nothing(tuned_run):
    project, overlay = tuned_run
    run = project.root / "artifacts" / "test"
    paths = {str(path.relative_to(run / "tune")) for path in [*run.glob("tune/*.json"), *run.glob("tune/openvino/*")]}
    assert paths == OUTPUTS
    assert not (run / "checkpoints" / "tune" / "openvino").exists()
    assert project.planned("tune", "deploy", configfiles=(FULL, overlay)) == set()
    # The report does not depend on a search, nor on one having been made.
    assert project.planned("perf_report", configfiles=(FULL,)) == set()
    assert "tune" not in (run / "report" / "perf_report.html").read_text()[:2000]


def test_choice_says_what_was_searched_and_why(tuned_run):
    project, _ = tuned_run
    choice = json.loads((project.root / "artifacts/test/tune/openvino/choice.json").read_text())
    assert {(row["config"], row["concurrency"]) for row in choice["measurements"]} == {
        ("mnist_openvino_config_default", 2),
        ("mnist_openvino_config_0", 2),
    }
    assert choice["chosen"] in ("default", "tuned")
    if choice["winner"]["config"].endswith("_config_0"):
        assert choice["tuned"]["queue_delay_us"] == 200
        assert choice["proof"]["rounds"] == 2
    page = (project.root / "artifacts/test/report/tune_report.html").read_text()
    assert choice["why"].split(":")[0] in page
    assert "mnist_openvino_config_0" in page


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        # Another objective needs no new search: every combination has been measured.
        ({"constraints": ["perf_latency_p99 <= 4999"]}, OUTPUTS - SEARCHED),
        ({"rounds": 3}, {"openvino/proof.csv", "openvino/proof", "openvino/choice.json"}),
        ({"search": {"concurrencies": [3]}}, OUTPUTS - {"model_analyzer.json"}),
    ],
)
def test_change_repeats_what_depends_on_it(tuned_run, tmp_path, changes, again):
    project, overlay = tuned_run
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"tune": changes}))
    planned = project.planned("tune", configfiles=(FULL, overlay, other))
    assert planned == {f"tune/{name}" for name in again} | {"report/tune_report.html"}
