"""docs/reruns.md says what each change runs again; what takes no version says so; the code knows the lock."""

import sys

import pytest

import config_docs
import reruns
from conftest import ROOT
from plan import lock
from plans import plans, pretend
from program.imports import top_level_imports
from project import Project, copy_project

SCRIPTS = ROOT / "workflow" / "scripts"
OURS = {path.stem for path in SCRIPTS.iterdir()}
# What only Triton has, and what the backends have beside them when they are served.
OF_TRITON = {"triton_python_backend_utils", "runtime", "processing", "outputs"}
# Found where it is installed: no wheel on the package index.
NOT_LOCKED = {"tensorrt"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_page_says_what_each_change_runs_again():
    """A difference is a change of what reruns: intended, `make docs` writes it down; otherwise it is a defect."""
    text = (ROOT / "docs" / "reruns.md").read_text()
    expected = config_docs.written_into(text, reruns.current(), reruns.BEGIN, reruns.END)
    assert text.splitlines() == expected.splitlines(), "out of date; run: make docs"


def test_no_cell_of_the_page_is_too_long_to_read():
    lines = (ROOT / "docs" / "reruns.md").read_text().splitlines()
    assert [line for line in lines if any(len(cell) > 400 for cell in line.split("|"))] == []


def test_analysis_never_measures(tmp_path):
    """After a finished run: another statistic, template or wording makes the report alone, another command nothing."""
    root = copy_project(tmp_path / "project").root
    pretend(Project(root))
    scripts = root / "workflow" / "scripts"

    def files(*folders):
        found = [path for folder in folders for path in (scripts / folder).iterdir() if path.is_file()]
        return [str(path.relative_to(root)) for path in found if path.suffix != ".pyc"]

    changes = [
        {"append": files("analyse", "show")},
        {"append": ["workflow/scripts/analyse/intervals.py"]},
        {"append": [name for name in files("show") if name.endswith("/perf_report.html.j2")]},
        {"append": files("commands")},
    ]
    report, nothing = {"perf_report"}, set()
    assert [{rule for rule, _ in plan} for plan in plans(root, changes)] == [report, report, report, nothing]


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
    assert {name for name, rule in Project(ROOT).rules().items() if "libraries" not in rule["params"]} == {"provenance"}
