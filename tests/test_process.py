"""A child process and all that it starts end with the script, however that ends."""

import os
import signal
import subprocess
import sys
import uuid

import pytest

from conftest import ROOT
from processes import MARK, marked, shown, wait_for
from program.process import child

# A child that ends at the first signal, and whose own child ignores it.
SCRIPT = """
import sys
from program.process import child
command = ["bash", "-c", "(trap '' TERM HUP; echo started; while :; do sleep 0.1; done) & wait"]
with open(sys.argv[1], "wb") as output, child(command, output, grace=2):
    input()
"""


@pytest.mark.parametrize("killed", [True, False])
def test_stubborn_grandchild_ends_too(tmp_path, killed):
    mark = uuid.uuid4().hex
    output = tmp_path / "output"
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, output], stdin=subprocess.PIPE,
        env=os.environ | {MARK: mark, "PYTHONPATH": str(ROOT / "workflow" / "scripts")},
    )  # fmt: skip
    wait_for(lambda: output.exists() and b"started" in output.read_bytes(), "the grandchild")
    script.send_signal(signal.SIGKILL) if killed else script.communicate(b"\n")
    script.wait(60)
    wait_for(lambda: not marked(mark), f"the end of {shown(marked(mark))}", 10)


# A job of the workflow whose child says that it was asked to end, and stays.
JOB = """
from program import cli
from program.process import child
command = ["bash", "-c", "trap 'echo told' TERM; echo started; while :; do sleep 0.1; done"]
def main(options):
    with options.log.with_name("output").open("wb") as output, child(command, output, grace=2):
        input()
cli.run(main, cli.parser(""))
"""


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_does_not_interrupt_the_clean_up(tmp_path, first):
    mark = uuid.uuid4().hex
    output = tmp_path / "output"
    script = subprocess.Popen(
        [sys.executable, "-c", JOB, "--log", tmp_path / "log"], stdin=subprocess.PIPE,
        env=os.environ | {MARK: mark, "PYTHONPATH": str(ROOT / "workflow" / "scripts")},
    )  # fmt: skip
    wait_for(lambda: output.exists() and b"started" in output.read_bytes(), "the child")
    script.send_signal(first)
    wait_for(lambda: b"told" in output.read_bytes(), "the child to be asked to end")
    script.send_signal(signal.SIGTERM)
    assert script.wait(60) in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    wait_for(lambda: not marked(mark), f"the end of {shown(marked(mark))}", 10)


def test_a_child_has_a_group_of_its_own_in_the_session_of_its_job(tmp_path):
    """Linux may share the cores between sessions (sched_autogroup): server and load are in the same one."""
    with (tmp_path / "output").open("wb") as output, child(["sleep", "60"], output) as process:
        assert os.getsid(process.pid) == os.getsid(0)
        assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
