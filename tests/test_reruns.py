"""docs/reruns.md says what each change makes anew; what takes no version says so; the code knows the lock."""

import re
import sys

import pytest

import config_docs
import reruns
from conftest import ROOT
from plan import lock
from program.imports import top_level_imports

SCRIPTS = ROOT / "workflow" / "scripts"
OURS = {path.stem for path in SCRIPTS.iterdir()}
# What only Triton has, and what the backends have beside them when they are served.
OF_TRITON = {"triton_python_backend_utils", "runtime", "processing"}
# Found where it is installed: no wheel on the package index.
NOT_LOCKED = {"tensorrt"}


@pytest.mark.timeout(900)
def test_page_says_what_each_change_makes_anew():
    """A difference is a change of what reruns: intended, `make docs` writes it down; else it is a defect."""
    text = (ROOT / "docs" / "reruns.md").read_text()
    expected = config_docs.written_into(text, reruns.current(), reruns.BEGIN, reruns.END)
    assert text.splitlines() == expected.splitlines(), f"out of date; run: {reruns.COMMAND}"


def test_every_import_is_locked():
    """A library whose version nothing knows could change results unseen."""
    files = [*SCRIPTS.rglob("*.py"), *(ROOT / "workflow" / "backends").glob("*.py")]
    known = {*sys.stdlib_module_names, *OURS, *OF_TRITON, *NOT_LOCKED}
    imported = {name for path in files for name in top_level_imports(path)} - known
    assert {
        name for name in imported if lock.DISTRIBUTIONS.get(name, name.replace("_", "-")) not in lock.locked()
    } == set()


def test_versions_of_what_files_import(tmp_path):
    source = tmp_path / "one.py"
    source.write_text("import json, torch.nn\nfrom PIL import Image\nimport tqdm\nimport nowhere\n")
    found = lock.versions([source], ["onnxscript"])
    assert found == {name: lock.locked()[name] for name in ("onnxscript", "pillow", "torch")}


def test_every_rule_knows_the_versions_of_its_libraries():
    """But provenance, whose input is the whole lock."""
    without = {
        name
        for path in (ROOT / "rules").glob("*.smk")
        for name, body in re.findall(r"^rule (\w+):(.*?)(?=^rule |\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
        if "    shell:" in body and "libraries=" not in body
    }
    assert without == {"provenance"}
