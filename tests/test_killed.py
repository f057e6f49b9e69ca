"""Processes that are killed while something is measured: one line, a status, and nothing that stays."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from conftest import MODEL, PROFILE, ROOT, Programs
from model.signature import Signature, Tensor
from plan.loads import Load, Windows
from plan.settings.perf import Target
from processes import MARK, marked, named, wait_for
from program import temporary
from program.cli import UserError
from record.measurement import measured
from serve import server
from serve.endpoint import connected

pytestmark = pytest.mark.slow
STUB = "triton_python_backend_stub"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV)
LOAD, WINDOWS = Load("grpc", 1, 1), Windows(500, 1e-6, 60, 1)
INPUTS = [Tensor(one["name"], one["dtype"], one["dims"]) for one in MODEL["inputs"]]
TARGET = Target("small", "small", "cpu", Signature(INPUTS, []), INPUTS)


VICTIMS = [
    ("tritonserver", signal.SIGKILL),
    (STUB, signal.SIGKILL),
    # A stub takes no notice of SIGTERM.
    *(pytest.param("tritonserver", number, marks=pytest.mark.slow) for number in SIGNALS[1:]),
    pytest.param(STUB, signal.SIGSEGV, marks=pytest.mark.slow),
]


@pytest.fixture
def running(null_repository: Path, tmp_path: Path) -> Iterator[server.Server]:
    with server.running(null_repository, ["small"], tmp_path / "triton.log") as one:
        yield one


def below(process: int, name: str) -> list[psutil.Process]:
    """The descendants of a process that have a name."""
    return [one for one in psutil.Process(process).children(recursive=True) if one.name() == name]


def measured_while_killed(running: server.Server, tmp_path: Path, victim: str, number: int) -> dict[str, Any]:
    """One point, during which a process gets a signal."""
    data, raw = tmp_path / "data.json", tmp_path / "raw"
    data.write_text(json.dumps({"data": [{"input": {"content": [0.0] * 784, "shape": [1, 28, 28]}}]}))
    raw.mkdir()

    def kill() -> None:
        (load,) = wait_for(lambda: below(os.getpid(), "perf_analyzer"), "perf_analyzer")
        wait_for(lambda: "Pass [1]" in (raw / f"{LOAD.name}.txt").read_text(), "a window")
        found = {"perf_analyzer": [load], "tritonserver": [psutil.Process(running.process.pid)]}
        for one in found.get(victim) or below(running.process.pid, victim):
            one.send_signal(number)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        return measured(running, TARGET, LOAD, WINDOWS, data, raw)
    finally:
        killer.join()


@pytest.mark.parametrize("number", SIGNALS)
def test_perf_analyzer_is_killed(null_server: server.Server, tmp_path: Path, number: signal.Signals) -> None:
    point = measured_while_killed(null_server, tmp_path, "perf_analyzer", number)
    assert point["status"] == "failed" or number == signal.SIGTERM
    if point["status"] == "failed":
        assert point["reason"].startswith("perf_analyzer ")
    null_server.require_alive()


@pytest.mark.parametrize(("victim", "number"), VICTIMS)
def test_server_is_killed(running: server.Server, tmp_path: Path, victim: str, number: signal.Signals) -> None:
    with pytest.raises(UserError) as found:
        measured_while_killed(running, tmp_path, victim, number)
    said = str(found.value)
    assert "\n" not in said
    who = {"tritonserver": "Triton ", STUB: "a process that runs a model for Triton ended"}
    assert said.startswith(who[victim])
    assert said.endswith(f"Hint: see {running.log_file}; the same command goes on where it was")


def test_server_that_has_ended_is_no_traceback(running: server.Server) -> None:
    running.process.kill()
    with (
        pytest.raises(UserError, match=r"^Triton was ended by SIGKILL while it served\. Hint: see "),
        connected(running, "http", "small") as one,
    ):
        wait_for(lambda: running.process.poll() is not None, "the end of the server")
        one.infer({"input": np.zeros((1, 1, 28, 28), np.float32)}, ["output"])


PYTRITON_JOB = """
import sys, time
from pathlib import Path
import numpy as np
from serve import server
from serve.endpoint import connected
if __name__ == "__main__":
    repository = Path(sys.argv[1])
    with server.running(repository, ["small"], repository.parent / "triton.log") as one:
        with connected(one, "http", "small") as connection:
            connection.infer({"input": np.zeros((1, 1, 28, 28), np.float32)}, ["output"])
        print("answered", flush=True)
        time.sleep(600)
"""
ZEROS = """
import numpy as np
def load(directory, config, threads, device):
    return lambda batch: [np.zeros((len(batch[0]), 10), np.float32)]
"""


def own_environment(directory: Path, **more: str) -> dict[str, str]:
    """Of a job whose temporary directories are in `directory`."""
    return os.environ | {"PYTHONPATH": str(ROOT / "workflow" / "scripts"), "TMPDIR": str(directory)} | more


def mapped(processes: list[psutil.Process]) -> set[Path]:
    """What processes have mapped of shared memory."""
    lines = [line for one in processes for line in Path(f"/proc/{one.pid}/maps").read_text().splitlines()]
    return {Path(line[line.index("/dev/shm/") :].removesuffix(" (deleted)")) for line in lines if "/dev/shm/" in line}


def test_a_killed_pytriton_leaves_nothing_for_long(
    script: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with its job, so that nobody is left to clean up; it has regions for tensors and for Triton's backend."""
    (tmp_path / "runtime.py").write_text(ZEROS)
    serving = {"device": "cpu", "threads": 1, "max_queue_delay_us": 0}
    profile = {bound: PROFILE[bound] for bound in ("min", "max")}
    settings = {"name": "small", "model": MODEL, "runs": {"inputs": ["input"], "outputs": ["output"]}}
    found = script(
        "repository_pytriton.py", "--runtime", "runtime.py", "--repository", "served", "--listing", "served.json",
        settings=settings | {"profile": profile, "serving": serving},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    temporaries, mark = Path(tempfile.mkdtemp(dir="/tmp")), uuid.uuid4().hex
    monkeypatch.setattr(temporary.tempfile, "tempdir", str(temporaries))
    env = own_environment(temporaries, **{MARK: mark})
    command = [sys.executable, "-c", PYTRITON_JOB, tmp_path / "served"]
    job = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert job.stdout is not None
        assert job.stdout.readline() == "answered\n", (tmp_path / "triton.log").read_text()
        regions = mapped(marked(mark))
        models = [one.cmdline()[1] for one in named(mark, STUB)]
    finally:
        for one in marked(mark):
            one.kill()
        job.wait()
    wait_for(lambda: not marked(mark), "the end of all")
    (left,) = temporaries.iterdir()
    assert models == [f"{left}/workspace/model-store/small/1/model.py"]
    assert len(regions) >= 2
    assert all(region.name.startswith(left.name) and region.exists() for region in regions)
    with temporary.scratch() as own:
        assert [*temporaries.iterdir()] == [own]
    assert not [region for region in regions if region.exists()]
    temporaries.rmdir()


HOLDER = """
import sys, time
from pathlib import Path
from program.temporary import scratch
with scratch() as directory:
    (directory / "file").write_text("content")
    Path("/dev/shm", directory.name + "_region").write_text("content")
    print(directory, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_job_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of one that lives, whatever the clock says."""
    monkeypatch.setattr(temporary.tempfile, "tempdir", str(tmp_path))
    env = own_environment(tmp_path)
    jobs = [
        subprocess.Popen([sys.executable, "-c", HOLDER], env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    left, living = [Path(job.stdout.readline().strip()) for job in jobs if job.stdout]
    try:
        jobs[0].kill()
        jobs[0].wait()
        os.utime(living, (0, 0))
        with temporary.scratch() as own:
            assert {*tmp_path.iterdir()} == {living, own}
        assert not Path("/dev/shm", f"{left.name}_region").exists()
        assert Path("/dev/shm", f"{living.name}_region").exists()
    finally:
        jobs[1].kill()
        jobs[1].wait()
        temporary.remove_abandoned()
    assert [*tmp_path.iterdir()] == []


HURRIED = """
from program.temporary import scratch
for number in range(300):
    with scratch() as directory:
        (directory / "file").write_text(str(number))
        assert (directory / "file").read_text() == str(number)
"""


def test_jobs_that_begin_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    """A directory is not locked from its first moment: another job may take it for one that was left."""
    jobs = [subprocess.Popen([sys.executable, "-c", HURRIED], env=own_environment(tmp_path)) for _ in range(4)]
    assert [job.wait(60) for job in jobs] == [0, 0, 0, 0]
    assert [*tmp_path.iterdir()] == []
