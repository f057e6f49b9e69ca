"""Model files that misbehave when they are run: one line that says where."""

from pathlib import Path

import pytest

from conftest import DEFAULT, Programs

FILES = {
    "raises": ("x = 1\nraise ValueError('two\\nlines')\n", "ValueError: two (line 2)"),
    "exits": ("import sys\n\nsys.exit(3)\n", "SystemExit: 3 (line 3)"),
    "recurses": ("def f():\n    f()\n\n\nf()\n", "RecursionError: maximum recursion depth exceeded (line 2)"),
    "is no Python": ("def build(:\n", "SyntaxError: invalid syntax (model.py, line 1)"),
    "has NUL": ("\0", "SyntaxError: source code string cannot contain null bytes"),
    "lacks a package": ("import absent_package\n", "ModuleNotFoundError: No module named 'absent_package' (line 1)"),
    "prints megabytes": ("print('x' * 5_000_000)\nraise OSError('full')\n", "OSError: full (line 2)"),
}
SETTINGS = DEFAULT["train"] | {"arguments": {}}
del SETTINGS["min_accuracy"]


@pytest.mark.parametrize("name", FILES)
def test_model_file_that_misbehaves(script: Programs, tmp_path: Path, name: str) -> None:
    text, said = FILES[name]
    (tmp_path / "model.py").write_text(text)
    arguments = ("--model-file", "model.py", "--model", "model.pt", "--metrics", "metrics.json", "--log", "train.log")
    found = script("train.py", *arguments, settings=SETTINGS)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"train.py: error: model file model.py cannot be imported: {said}. Hint: correct it\n"
    assert {path.name for path in tmp_path.iterdir()} <= {"model.py", "train.log", "__pycache__"}
