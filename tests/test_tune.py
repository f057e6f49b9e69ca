"""Model Analyzer itself, on a model that computes nothing: resumed after a kill, errors, the stage in the workflow."""

import json
import os
import signal
import subprocess
import uuid
from functools import partial

import pytest
import yaml

from conftest import FULL
from processes import MARK, marked, named, shown, wait_for
from searches import MEASUREMENTS, SEARCH, WINDOWS, begun, checkpointed, command, points
from serve import modelconfig
from tuning import space


@pytest.mark.slow
@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
def test_killed_search_goes_on_where_it_was(null_repository, tmp_path, number):
    mark = uuid.uuid4().hex
    arguments = command(tmp_path, null_repository)
    process = subprocess.Popen(arguments, cwd=tmp_path, env=os.environ | {MARK: mark}, stderr=subprocess.DEVNULL)
    wait_for(lambda: checkpointed(tmp_path) >= MEASUREMENTS // 2, "half of the measurements")
    process.send_signal(getattr(signal, number))
    process.wait(30)
    wait_for(lambda: not marked(mark), "the end of Model Analyzer, its server and its load", 20)
    kept = checkpointed(tmp_path)
    before = set(begun(tmp_path))
    assert MEASUREMENTS // 2 <= kept < MEASUREMENTS
    assert not (tmp_path / "results.csv").exists()

    found = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    anew = set(begun(tmp_path))
    assert len(anew) == MEASUREMENTS - kept
    assert (tmp_path / "analyzer.log").read_text().count("Existing measurement found") == kept
    # What had begun when it was killed is the only one measured twice.
    assert len(anew & before) <= 1
    found = points(tmp_path)
    assert len(set(found)) == MEASUREMENTS
    assert {path.stem for path in (tmp_path / "configs").iterdir()} == {config for config, _ in found}
    # A finished search leaves nothing for another one to find.
    assert not (tmp_path / "checkpoints").exists()


# What is killed in each measurement of a search, in one run after the other. Model Analyzer gives up when the first two
# measurements fail.
KILLS = [
    *([("tritonserver", number), ("model-analyzer", number)] for number in ("SIGKILL", "SIGTERM", "SIGSEGV")),
    [("perf_analyzer", "SIGKILL"), None, ("perf_analyzer", "SIGTERM")],
    [("perf_analyzer", "SIGSEGV")],
]
HINT = "Hint: see analyzer.log"


def loads(mark, before):
    """The processes of perf_analyzer, but those of earlier measurements."""
    return {one.pid for one in named(mark, "perf_analyzer")} - before


@pytest.mark.slow
def test_search_whose_programs_are_killed(null_repository, tmp_path):
    """Each run ends in one line and keeps what was measured; the last goes on to the end."""
    windows = WINDOWS | {"window_ms": 1000}
    search = SEARCH | {"concurrencies": [1]}
    arguments = command(tmp_path, null_repository, search=search, windows=windows)
    env = os.environ | {MARK: (mark := uuid.uuid4().hex)}
    try:
        for kills in KILLS:
            running = subprocess.Popen(arguments, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
            before = set()
            for kill in kills:
                before |= wait_for(partial(loads, mark, {*before}), "a measurement")
                for one in named(mark, kill[0]) if kill else []:
                    one.send_signal(getattr(signal, kill[1]))
            said = running.communicate(timeout=60)[1].splitlines()[-1]
            assert (running.returncode, shown(marked(mark))) == (2, [])
            if kills[-1][0] == "model-analyzer":
                ended = f"Model Analyzer was ended by {kills[-1][1]}. {HINT}; the same command goes on where it was"
                assert said == f"tune_search.py: error: {ended}"
            else:
                failed = f"tune_search.py: error: {len([*filter(None, kills)])} of the measurements failed: "
                assert said.startswith(failed) and HINT in said
            assert not {"results.csv", "configs"} & {path.name for path in tmp_path.iterdir()}
    finally:
        for one in marked(mark):
            one.kill()

    found = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert len({*points(tmp_path)}) == len(points(tmp_path)) == MEASUREMENTS // 2


@pytest.mark.slow
def test_failed_measurement_is_an_error(make_repository, repository_settings, tmp_path):
    runtime = tmp_path / "runtime_picky.py"
    runtime.write_text(
        "def load(directory, config, threads, device):\n"
        "    if threads == 3:\n"
        "        raise ValueError('three is too many')\n"
        "    return lambda batch: [__import__('numpy').zeros((len(batch[0]), 10), 'float32')]\n"
    )
    repository = make_repository(repository_settings, runtime)
    search = SEARCH | {"threads": [1, 3], "queue_delays_us": [], "concurrencies": [1]}
    arguments = command(tmp_path, repository, search=search)
    found = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 2, found.stderr
    assert "1 of the measurements failed: Model small_config_1 load failed" in found.stderr
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "results.csv").exists()
    # The others are kept: another run repeats only what failed.
    assert checkpointed(tmp_path) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "certain"),
    [
        # Every instance count and the doublings of the concurrency.
        ("brute", {(instances, 16, level) for instances in (1, 2) for level in (1, 2)}),
        # A trial may repeat the default; the sweep that follows doubles the concurrency.
        ("optuna", {(1, 16, level) for level in (1, 2)}),
    ],
)
def test_own_searches_of_model_analyzer(null_repository, tmp_path, mode, certain):
    search = SEARCH | {"instances": [1, 2], "queue_delays_us": []}
    goal = {"objectives": ["perf_throughput"], "constraints": {"perf_latency_p99": {"max": 5000}}}
    arguments = command(tmp_path, null_repository, mode=mode, search=search, steering=goal, max_trials=1)
    found = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    # Every measurement that was begun is in the table, once.
    assert sorted(points(tmp_path)) == sorted(begun(tmp_path))
    settings = {
        path.stem: space.described(modelconfig.parse(path.read_text())) for path in (tmp_path / "configs").iterdir()
    }
    measured = {
        (settings[config]["instances"], settings[config]["max_batch_size"], int(level))
        for config, level in points(tmp_path)
    }
    assert certain <= measured
    # Beyond the ranges there is the default at a load of Model Analyzer's choice.
    assert measured - {(n, 16, level) for n in (1, 2) for level in (1, 2)} <= {(1, 16, 32)}


def test_missing_model_analyzer_is_said_in_one_line(script, tmp_path):
    found = script(
        "tune_environment.py", "--version", "version.json", settings={"model_analyzer": "nowhere/model-analyzer"}
    )
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
        ({"launch": "remote"}, OUTPUTS - {"model_analyzer.json"}),
    ],
)
def test_change_repeats_what_depends_on_it(tuned_run, tmp_path, changes, again):
    project, overlay = tuned_run
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"tune": changes}))
    planned = project.planned("tune", configfiles=(FULL, overlay, other))
    assert planned == {f"tune/{name}" for name in again} | {"report/tune_report.html"}
