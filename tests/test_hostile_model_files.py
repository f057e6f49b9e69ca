"""Model files that misbehave when they are run: one line that says where."""

import os
import re
import signal
import uuid
from pathlib import Path

import pytest

from conftest import DEFAULT, Programs
from model.interface import built
from model.source import LIMIT, limited, load_file
from processes import MARK, marked, shown, wait_for
from program.cli import UserError
from program.overdue import SIGNAL

LATE = "TimeoutError: it takes longer than 2 s, which model.load_seconds sets"
FILES = {
    "raises": ("x = 1\nraise ValueError('two\\nlines')\n", "ValueError: two (line 2)"),
    "exits": ("import sys\n\nsys.exit(3)\n", "SystemExit: 3 (line 3)"),
    "recurses": ("def f():\n    f()\n\n\nf()\n", "RecursionError: maximum recursion depth exceeded (line 2)"),
    "is no Python": ("def build(:\n", "SyntaxError: invalid syntax (model.py, line 1)"),
    "has NUL": ("\0", "SyntaxError: source code string cannot contain null bytes"),
    "lacks a package": ("import absent_package\n", "ModuleNotFoundError: No module named 'absent_package' (line 1)"),
    "never ends": ("import time\n\nwhile True:\n    time.sleep(1)\n", f"{LATE} (line 4)"),
    "prints megabytes": ("print('x' * 5_000_000)\nraise OSError('full')\n", "OSError: full (line 2)"),
}
SETTINGS = DEFAULT["train"] | {"arguments": {}}
del SETTINGS["min_accuracy"]
ARGUMENTS = ("--model-file", "model.py", "--model", "model.pt", "--metrics", "metrics.json", "--log", "train.log")


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_model_file_that_misbehaves(
    script: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text, said = FILES[name]
    if name == "never ends":
        monkeypatch.setenv(LIMIT, "2")
    (tmp_path / "model.py").write_text(text)
    found = script("train.py", *ARGUMENTS, settings=SETTINGS)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"train.py: error: model file model.py cannot be imported: {said}. Hint: correct it\n"
    assert {path.name for path in tmp_path.iterdir()} <= {"model.py", "train.log", "__pycache__"}


# What nobody waits for; the copy of the program would go on and write what the program writes.
STARTED = """
import multiprocessing, os, subprocess, time

subprocess.Popen(["sleep", "600"], start_new_session=True)
if not os.fork():
    os.setsid()
    os.fork()
    time.sleep(600)
multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)).start()
os.fork()
"""
BUILD = "def build():\n    import torch\n\n    os.fork()\n    return torch.nn.Linear(1, 1)\n"
STARTING = [(BUILD, 0), ("raise OSError('full')\n", 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("rest", "code"), STARTING)
def test_what_a_model_file_starts_ends_with_the_job(
    script: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str, code: int
) -> None:
    monkeypatch.setenv(MARK, mark := uuid.uuid4().hex)
    (tmp_path / "model.py").write_text(STARTED + rest)
    found = script("train.py", *ARGUMENTS, settings=SETTINGS)
    assert found.returncode == code, found.stderr
    others = [one for one in marked(mark) if one.pid != os.getpid()]
    assert shown(others) == []
    # Not twice, as by a copy.
    assert (tmp_path / "train.log").read_text().count(" DEBUG done in ") == 1 - code // 2


# Locks again what it has locked.
STUCK = """
import ctypes, subprocess

subprocess.Popen(["sleep", "600"])
lock = ctypes.create_string_buffer(64)
for _ in range(2):
    ctypes.PyDLL(None).pthread_mutex_lock(lock)
"""


@pytest.mark.slow
def test_library_that_never_returns(script: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No handler of Python's runs meanwhile."""
    monkeypatch.setenv(LIMIT, "1")
    monkeypatch.setenv(MARK, mark := uuid.uuid4().hex)
    (tmp_path / "model.py").write_text(STUCK)
    found = script("train.py", *ARGUMENTS, settings=SETTINGS)
    said = (
        "the model file calls a library that does not return: it takes longer than 1 s, which model.load_seconds sets"
    )
    assert (found.returncode, found.stderr) == (-SIGNAL, "")
    assert (tmp_path / "train.log").read_text().splitlines()[-1] == f"train.py: error: {said}. Hint: correct it"
    wait_for(lambda: not [one for one in marked(mark) if one.pid != os.getpid()], "the end of what it started")
    assert not {"model.pt", "metrics.json"} & {path.name for path in tmp_path.iterdir()}


def test_an_alarm_that_comes_earlier_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a process which tries an export and ends by it."""
    monkeypatch.setenv(LIMIT, "600")
    before = signal.setitimer(signal.ITIMER_REAL, 300)
    try:
        handler = signal.getsignal(signal.SIGALRM)
        with limited():
            assert signal.getsignal(signal.SIGALRM) is handler
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 300
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "it takes longer than 0.2 s, which model.load_seconds sets"),
        ("raise OSError('full')", "full"),
    ],
)
def test_build_that_misbehaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str) -> None:
    monkeypatch.setenv(LIMIT, "0.2")
    (tmp_path / "model.py").write_text(f"def build():\n    {body}\n")
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(UserError, match=re.escape(f"build() of the model file fails: {said}. Hint: ")):
        built(load_file(tmp_path / "model.py", "build"), {})
    assert signal.getsignal(signal.SIGALRM) is before
