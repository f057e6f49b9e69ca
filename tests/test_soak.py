"""make soak: what it finds wrong with a server, and a minute of it with every variant."""

import re
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from commands import soak
from commands.soak import STUB, Size, Tally
from commands.soak_clients import Asked
from conftest import FULL, MODEL, PROFILE, Project
from model.reference import Reference
from model.signature import Signature, Tensor
from plan.settings.health import Bounds, HealthCheck, Judgement
from processes import Foreground
from serve import server

STEADY = Size(100.0, 50, frozenset({1, 2}))
CLIENTS = [step.__name__ for step in soak.CLIENTS]


def tally(*wrong: str) -> Tally:
    found = Tally()
    for name in CLIENTS:
        found.add(name)
    found.wrong += wrong
    return found


@pytest.mark.parametrize(
    ("last", "wrong", "said"),
    [
        (STEADY, (), []),
        (Size(140.0, 70, STEADY.stubs), (), []),
        (Size(143.0, 50, STEADY.stubs), (), ["memory_mib grew from 100 to 143"]),
        (Size(100.0, 72, STEADY.stubs), (), ["descriptors grew from 50 to 72"]),
        (Size(100.0, 50, frozenset({1, 3})), (), ["1 stubs ended"]),
        (STEADY, ("good: 7 is 8",), ["1 wrong: good: 7 is 8"]),
    ],
)
def test_faults(last: Size, wrong: tuple[str, ...], said: list[str]) -> None:
    assert soak.faults([STEADY] * 20 + [last] * 10, tally(*wrong)) == said


def test_clients_that_never_came_are_a_fault() -> None:
    assert soak.faults([STEADY] * 30, Tally()) == [f"no client was {name}" for name in CLIENTS]


@pytest.fixture(scope="module")
def small() -> Asked:
    """The model that computes nothing, as its clients see it."""
    inputs, outputs = (
        [Tensor(one["name"], one["dtype"], one["dims"], one.get("scores", False)) for one in MODEL[side]]
        for side in ("inputs", "outputs")
    )
    profile = {bound: PROFILE[bound] for bound in ("min", "max")}
    promised = HealthCheck("null", "small", "bundled", False, Signature(inputs, outputs), profile, {}, 8)
    samples = Reference({"input": np.ones((8, 1, 28, 28), np.float32)}, {"output": np.zeros((8, 10), np.float32)})
    return Asked(promised, Judgement(Bounds(0, 1e-3, 1), {}), samples, 1, 16)


@pytest.mark.slow
def test_model_whose_process_is_killed(null_repository: Path, small: Asked, tmp_path: Path) -> None:
    """Triton goes on calling it ready; the answers and the missing process tell."""
    with server.running(null_repository, ["small"], tmp_path / "triton.log") as running:
        (stub,) = [one for one in psutil.Process(running.process.pid).children(True) if one.name() == STUB]
        threading.Timer(2, stub.kill).start()
        sizes, found = soak.soaked(running, [small], 6)
    said = soak.faults(sizes, found)
    assert "1 stubs ended" in said
    assert re.search(r"wrong: .*small over \w+: .*not healthy", said[0])


@pytest.mark.slow
def test_server_that_is_killed(null_repository: Path, small: Asked, tmp_path: Path) -> None:
    with (
        pytest.raises(soak.UserError, match=r"^Triton ended with exit code -9; its log is "),
        server.running(null_repository, ["small"], tmp_path / "triton.log") as running,
    ):
        threading.Timer(2, running.process.send_signal, [signal.SIGKILL]).start()
        soak.soaked(running, [small], 60)


@pytest.mark.slow
def test_a_minute_of_every_variant(served_run: Project) -> None:
    command = (sys.executable, "-m", "commands.soak", "--configfile", FULL, "--duration", "60")
    with Foreground(command, served_run.root, terminal=False) as running:
        running.wait_for_output("seconds ")
        assert running.process.wait(60) == 0, running.output
    assert re.search(r"^wrong +0$", running.output, re.MULTILINE)
    for name in CLIENTS:
        assert re.search(rf"^clients: {name} +[1-9][\d,]* requests$", running.output, re.MULTILINE)
