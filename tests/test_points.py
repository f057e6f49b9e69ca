"""A point is measured once: what is added is measured alone, what failed or was killed loses no other point."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import FULL, MODEL, SCRIPTS, Project, checks
from model.reference import Reference, save
from plan.loads import Grid
from processes import wait_for

POINTS = "artifacts/test/perf/null/repeat-1/points.csv"
SERVER_LOG = "artifacts/test/logs/sweep/null-1.server.log"


def read(path: Path) -> dict[str, dict[str, str]]:
    """The rows by their concurrency, in their order."""
    with path.open() as stream:
        return {row["concurrency"]: row for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def project(finished_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished run that these tests may change."""
    return Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("points") / "project"))


@pytest.fixture
def swept(project: Project, tmp_path: Path) -> Callable[..., dict[str, dict[str, str]]]:
    """The points after a run with these concurrencies."""

    def run(concurrencies: list[int], *options: str) -> dict[str, dict[str, str]]:
        overlay = tmp_path / "overlay.yaml"
        overlay.write_text(yaml.safe_dump({"sweep": {"concurrencies": concurrencies}}))
        project.snakemake("--cores", "2", POINTS, *options, configfiles=(FULL, overlay))
        return read(project.root / POINTS)

    return run


@pytest.mark.slow
def test_levels_of_a_finished_run(project, swept):
    before = read(project.root / POINTS)
    more = swept([4, 2, 1])
    assert list(more) == ["4", "2", "1"]
    assert (more["1"], more["4"]) == (before["1"], before["4"])
    assert more["2"]["job"] not in (before["1"]["job"], before["4"]["job"])
    # Neither another order nor fewer levels measure anything, and no server starts for them.
    assert swept([2, 4]) == {level: more[level] for level in ("2", "4")}
    assert (project.root / SERVER_LOG).read_text() == ""
    # A level that was left out for a while is still known.
    assert swept([1, 2]) == {level: more[level] for level in ("1", "2")}
    # Who forces the rule wants other figures.
    forced = swept([1, 2], "--forcerun", "sweep")
    assert {row["job"] for row in forced.values()} & {row["job"] for row in more.values()} == set()


@pytest.fixture
def command(null_repository: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of a sweep of two levels in the test's directory, with changes of its settings."""
    samples = Reference({"input": np.ones((2, 1, 28, 28), np.float32)}, {"output": np.zeros((2, 10))})
    save(tmp_path / "reference.npz", [samples])
    (tmp_path / "checks.json").write_text(checks("null"))
    settings = {
        "variant": "null", "repeat": 1, "server": "bundled", "slo_ms": None, "max_foreign_cpu": 1000,
        "target": {"name": "small", "counted": "small", "device": "cpu", "model": MODEL, "inputs": []},
        "grid": asdict(Grid(["grpc"], [1], [1, 2])),
        # Never stable: every point takes all of its windows.
        "windows": {"window_ms": 300, "stability_percent": 1e-9, "max_windows": 5, "samples": 2},
    }  # fmt: skip
    files = {
        **{
            "repository": null_repository,
            "checks": "checks.json",
            "reference": "reference.npz",
            "store": "store",
            "made-by": "1",
        },
        **{"server-log": "triton.log", "raw": "raw", "points": "points.csv"},
    }
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    script = str(SCRIPTS / "sweep.py")
    return lambda **changes: [sys.executable, script, "--settings", json.dumps(settings | changes), *options]


@pytest.mark.slow
def test_a_sweep_that_is_killed_loses_the_point_that_it_was_measuring(command, tmp_path):
    first = tmp_path / "store" / "grpc_batch1_concurrency1" / "point.json"
    with subprocess.Popen(command(), cwd=tmp_path, stderr=subprocess.DEVNULL) as running:
        wait_for(first.exists, "the first point")
        os.kill(running.pid, signal.SIGKILL)
    assert not (tmp_path / "points.csv").exists()
    kept = json.loads(first.read_text())["point"]
    subprocess.run(command(), cwd=tmp_path, check=True, capture_output=True)
    rows = read(tmp_path / "points.csv")
    assert rows["1"]["job"] == kept["job"] != rows["2"]["job"]
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == [
        f"grpc_batch1_concurrency{level}.txt" for level in (1, 2)
    ]


@pytest.mark.slow
def test_a_point_of_other_conditions_is_measured_anew(command, tmp_path):
    jobs = set()
    for changes in ({}, {"windows": {"window_ms": 200, "stability_percent": 1e-9, "max_windows": 3, "samples": 2}}):
        subprocess.run(command(**changes), cwd=tmp_path, check=True, capture_output=True)
        jobs |= {row["job"] for row in read(tmp_path / "points.csv").values()}
    assert len(jobs) == 2
    (tmp_path / "reference.npz").unlink()
    other = Reference({"input": np.zeros((2, 1, 28, 28), np.float32)}, {"output": np.zeros((2, 10))})
    save(tmp_path / "reference.npz", [other])
    subprocess.run(command(**changes), cwd=tmp_path, check=True, capture_output=True)
    assert not {row["job"] for row in read(tmp_path / "points.csv").values()} & jobs
