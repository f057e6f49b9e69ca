"""Whatever ends a run, and wherever: no process stays behind, no part of an output is taken for the whole of it, and
the next run completes.
"""

import csv
import os
import re
import shutil
import signal
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from conftest import FULL, ROOT, RULES_OF_FULL, TARGETS, Project
from processes import MARK, marked, named, shown, wait_for
from program.files import members
from program.temporary import PREFIX

TARGET = "artifacts/test/perf/null/repeat-1/points.csv"


@pytest.fixture(scope="module")
def project(finished_run, tmp_path_factory):
    """A finished run that these tests may spoil."""
    return Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("interrupted") / "project"))


ENDED = [
    pytest.param(signal.SIGINT, True, id="Ctrl-C"),
    pytest.param(signal.SIGTERM, True, id="SIGTERM", marks=pytest.mark.slow),
    pytest.param(signal.SIGHUP, True, id="hang-up", marks=pytest.mark.slow),
    pytest.param(signal.SIGKILL, False, id="SIGKILL of Snakemake alone", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("number", "whole_group"), ENDED)
def test_nothing_survives_and_the_next_run_completes(project, tmp_path, number, whole_group):
    overlay = tmp_path / "long.yaml"
    # Never stable, so that it is still measuring when the signal comes; another window each time, so that it reruns.
    sweep = {"window_ms": 1000 + number, "max_windows": 60, "stability_percent": 1.0e-6, "concurrencies": [1]}
    # A Python backend leaves regions in shared memory when it is killed; a native one has none.
    served = {"variants": ["null"], "serving": {"backend": "python"}}
    overlay.write_text(yaml.safe_dump({**served, "sweep": sweep}))
    mark = uuid.uuid4().hex
    with (tmp_path / "snakemake.log").open("w") as log:
        running = subprocess.Popen(
            project.command("--cores", "2", TARGET, configfiles=(FULL, overlay)),
            cwd=project.root, env=os.environ | {MARK: mark}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(lambda: running.poll() is not None or named(mark, "perf_analyzer"), "perf_analyzer")
        assert running.poll() is None, (tmp_path / "snakemake.log").read_text()
        server = named(mark, "tritonserver")[0]
        prefix = re.search(r"shm-region-prefix-name=(\S+)", " ".join(server.cmdline()))[1]
        assert list(Path("/dev/shm").glob(f"{prefix}*"))

        os.killpg(running.pid, number) if whole_group else os.kill(running.pid, number)

        # Ten seconds are what the README promises.
        wait_for(lambda: running.poll() is not None and not marked(mark), f"the end of {shown(marked(mark))}", 10)
    finally:
        for process in marked(mark):
            with suppress(psutil.Error):
                process.kill()
        running.wait(90)
    assert running.returncode != 0
    assert not list(Path("/dev/shm").glob(f"{prefix}*"))
    assert not list((project.root / "artifacts" / "test" / "perf").rglob(".raw.*"))

    overlay.write_text(yaml.safe_dump({**served, "sweep": {"concurrencies": [1]}}))
    if number == signal.SIGKILL:
        project.snakemake("--unlock", TARGET, configfiles=(FULL, overlay))
    project.snakemake("--cores", "2", TARGET, configfiles=(FULL, overlay))
    with (project.root / TARGET).open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["concurrency"], row["status"] != "failed") for row in rows] == [("1", True)]


# Rules that tests/configs/full.yaml has no use for; tests/test_tune.py kills the search, which alone takes long.
ELSEWHERE = {
    "deploy", "engine_tensorrt", "export_torchscript", "low_precision", "perf_gate", "quantize", "repository_native",
    "tune_candidate", "tune_choice", "tune_environment", "tune_halving", "tune_proof", "tune_report", "tune_search",
}  # fmt: skip


def test_every_rule_is_known_here():
    assert set(Project(ROOT).rules()) == {*RULES_OF_FULL, *ELSEWHERE}


@pytest.fixture(scope="module")
def killed(finished_run, tmp_path_factory):
    """A finished run, and for every rule of it one job: its outputs and its log."""
    project = Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("killed") / "project"))
    rows = project.summary(*TARGETS, configfiles=(FULL,))
    logs = {row["rule"]: row["log-file(s)"] for row in rows}
    return project, {
        rule: ([project.root / row["output_file"] for row in rows if row["log-file(s)"] == log], log.split(",")[0])
        for rule, log in logs.items()
    }


def names(path):
    """The files of an output; of perf_analyzer's the texts, as a point that is not stable has no table."""
    found = {one.relative_to(path.parent) for one in members(path)}
    return {one for one in found if one.suffix == ".txt"} if path.name == "raw" else found


# Ctrl-C and SIGTERM reach the whole group, as from a terminal or when a session ends; SIGKILL Snakemake alone.
ENDS = {
    "SIGINT": lambda snakemake: os.killpg(snakemake.pid, signal.SIGINT),
    "SIGTERM": lambda snakemake: os.killpg(snakemake.pid, signal.SIGTERM),
    "SIGKILL": subprocess.Popen.kill,
}
# Where a job does without others' results, and where it has servers.
JOBS_KILLED = ("train", "sweep")


def kill_job(snakemake):
    """SIGKILL of the job alone, which Snakemake outlives."""
    for process in psutil.Process(snakemake.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any("workflow/scripts/" in part for part in process.cmdline()):
                process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES_OF_FULL)
def test_killed_at_any_stage(killed, tmp_path_factory, rule):
    """Each signal, one run after the other, when the job has begun: nothing is left, and the next run completes."""
    project, jobs = killed
    outputs, log = jobs[rule]
    before = {path: names(path) for path in outputs}
    targets = [str(path.relative_to(project.root)) for path in outputs]
    # Short, for the sockets that PyTriton makes in it.
    temporary = tmp_path_factory.mktemp("t")
    for kill in [*ENDS.values(), kill_job] if rule in JOBS_KILLED else ENDS.values():
        for path in (project.root / log, *outputs):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        end_job(project, targets, project.root / log, kill, temporary)
        # What a job had finished before the signal reached it stays.
        left = [path for path in outputs if path.exists()]
        assert [names(path) for path in left] == [before[path] for path in left]
    project.snakemake(*targets, "--cores", "2", configfiles=(FULL,))
    assert {path: names(path) for path in outputs} == before
    assert project.planned(*targets, configfiles=(FULL,)) == set()
    assert list(temporary.glob(f"{PREFIX}*")) == []


def end_job(project, targets, log, kill, temporary):
    """Start a run of `targets`, end it when its job has begun to write `log`, and wait until no process is left."""
    mark = uuid.uuid4().hex
    running = subprocess.Popen(
        # Without a lock there is none to remove.
        project.command(*targets, "--cores", "2", "--nolock", configfiles=(FULL,)),
        cwd=project.root, env=os.environ | {MARK: mark, "TMPDIR": str(temporary)}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(lambda: running.poll() is not None or (log.exists() and log.stat().st_size), f"{log} to begin", 240)
    assert log.exists(), "it ended before its job began"
    with suppress(psutil.Error, ProcessLookupError):
        kill(running)
    running.wait(90)
    wait_for(lambda: not marked(mark), f"the end of {shown(marked(mark))}")
