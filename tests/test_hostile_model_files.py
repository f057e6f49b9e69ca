"""Model files that misbehave when they are run: one line that says where."""

import re
import signal
from pathlib import Path

import pytest

from conftest import DEFAULT, Programs
from model.interface import built
from model.source import LIMIT, limited, load_file
from program.cli import UserError

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


@pytest.mark.parametrize("name", FILES)
def test_model_file_that_misbehaves(
    script: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text, said = FILES[name]
    if name == "never ends":
        monkeypatch.setenv(LIMIT, "2")
    (tmp_path / "model.py").write_text(text)
    arguments = ("--model-file", "model.py", "--model", "model.pt", "--metrics", "metrics.json", "--log", "train.log")
    found = script("train.py", *arguments, settings=SETTINGS)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"train.py: error: model file model.py cannot be imported: {said}. Hint: correct it\n"
    assert {path.name for path in tmp_path.iterdir()} <= {"model.py", "train.log", "__pycache__"}


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
