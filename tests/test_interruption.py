"""Whatever ends a run in the middle of a measurement: no process stays behind, and the next run completes."""

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

from conftest import FULL, Project
from processes import MARK, marked, named, shown, wait_for

TARGET = "artifacts/test/perf/null/perf.csv"


@pytest.fixture(scope="module")
def project(finished_run, tmp_path_factory):
    """A finished run that these tests may spoil."""
    return Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("interrupted") / "project"))


@pytest.mark.parametrize(
    ("number", "whole_group"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, True, id="SIGTERM"),
        pytest.param(signal.SIGHUP, True, id="hang-up"),
        pytest.param(signal.SIGKILL, False, id="SIGKILL of Snakemake alone"),
    ],
)
def test_nothing_survives_and_the_next_run_completes(project, tmp_path, number, whole_group):
    overlay = tmp_path / "long.yaml"
    # Never stable, so that it is still measuring when the signal comes; another window each time, so that it reruns.
    sweep = {"window_ms": 1000 + number, "max_windows": 60, "stability_percent": 1.0e-6, "concurrencies": [1]}
    overlay.write_text(yaml.safe_dump({"variants": ["null"], "sweep": sweep}))
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

    overlay.write_text(yaml.safe_dump({"variants": ["null"], "sweep": {"concurrencies": [1]}}))
    if number == signal.SIGKILL:
        project.snakemake("--unlock", TARGET, configfiles=(FULL, overlay))
    project.snakemake("--cores", "2", TARGET, configfiles=(FULL, overlay))
    with (project.root / TARGET).open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["concurrency"], row["status"] != "failed") for row in rows] == [("1", True)]
