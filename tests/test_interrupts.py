"""Ctrl-C at moments that a person hits by chance: one line, whatever Snakemake was doing."""

import signal

import pytest

from plan.interrupts import INTERRUPTED
from small_workflow import run_snakemake

# asyncio forgets what came before it counts: a Ctrl-C just then.
COUNTING = """
import asyncio
counts = {}
def put(runner, count):
    if count == 0 and asked:
        asked.pop()()
    counts[id(runner)] = count
asyncio.Runner._interrupt_count = property(lambda runner: counts[id(runner)], put)
asked = []
onstart:
    asked.append(interrupt)
"""
# While the jobs are planned.
PLANNING = """
rule planned:
    input: lambda wildcards: interrupt()
"""
# When all is done.
DONE = """
onsuccess:
    interrupt()
"""
SNAKEFILE = """
import os
import signal
from plan.interrupts import stop_when_interrupted
stop_when_interrupted()
def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
rule only:
    output: "made"
    shell: "touch {output}"
"""


@pytest.mark.parametrize(
    "moment, target, code, said",
    [
        pytest.param(COUNTING, "only", 1, "Terminating processes on user request", id="asyncio begins"),
        pytest.param(PLANNING, "planned", -signal.SIGINT, INTERRUPTED, id="jobs are planned"),
        pytest.param(DONE, "only", -signal.SIGINT, INTERRUPTED, id="all is done"),
    ],
)
def test_interrupt_needs_no_traceback_and_leaves_no_lock(tmp_path, moment, target, code, said):
    found = run_snakemake(tmp_path, SNAKEFILE + moment, target)
    assert found.returncode == code
    assert said in found.stderr
    assert "Traceback" not in found.stderr
    locks = tmp_path / ".snakemake" / "locks"
    assert [path for path in locks.rglob("*") if path.is_file()] == []
