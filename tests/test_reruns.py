"""docs/reruns.md says what each change runs again; what takes no version says so; the code knows the lock."""

import re
import shutil
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


@pytest.fixture(scope="module")
def pretended(tmp_path_factory):
    """A project in which Snakemake believes that the default run has finished."""
    project = copy_project(tmp_path_factory.mktemp("pretended") / "project")
    pretend(project)
    return project.root


@pytest.mark.slow
def test_copies_and_older_files_rerun_exactly(pretended):
    """What time stamps do not tell: files of an earlier date, artifacts from elsewhere, intermediates that are gone."""
    changes = reruns.copy_changes(pretended)
    whole = {"config": {"run": "another"}}, {"config": reruns.nested("profile.opt", reruns.OTHER["profile.opt"])}
    everything, opt, *found = plans(pretended, [*whole, *changes.values()])
    found = dict(zip(changes, found))
    jobs = {name: {rule for rule, _ in plan} for name, plan in found.items()}
    closing = {"provenance", "perf_report"}
    assert found["every file of `artifacts/` with a new time stamp, as after `cp -r`"] == set()
    assert found["copied without `.snakemake`"] == set()
    assert found["copied without `.snakemake`, another `profile.opt`"] == opt
    # The native backends are those of all runs.
    backends = {plan for plan in found["copied without `.snakemake` and the manifest"] if plan[0] == "backend"}
    assert backends and found["copied without `.snakemake` and the manifest"] == everything | backends
    blob = jobs["copied without `.snakemake`, `engine/openvino/model.blob` changed"]
    assert {"engine_openvino", "repository", "sweep"} <= blob
    assert not {"train", "export", "engine_aotinductor", "dataset"} & blob
    assert jobs["`record/turns.py` changed, with an older time stamp"] == {"head_to_head", *closing}
    assert {"dataset", "train", "sweep"} <= jobs["`models/training.py`, which the model file imports, likewise"]
    assert found["`export/model.onnx` and `artifacts/backends/` deleted"] == set()
    gone = jobs["`export/model.onnx` deleted, `precisions: [fp16]`"]
    assert {"export", "engine_openvino", "sweep"} <= gone and not {"train", "engine_aotinductor"} & gone
    assert jobs["a concurrency removed"] == {"sweep", *closing}
    assert jobs["a concurrency added"] == {"sweep", *closing}


@pytest.mark.slow
def test_default_target_misses_any_file_of_the_report(pretended):
    csv = pretended / "artifacts" / reruns.DEFAULT["run"] / "report" / "perf_summary.csv"
    aside = csv.rename(csv.with_name("aside"))
    try:
        found = Project(pretended).snakemake("-n")
        assert re.search(r"^perf_report +1$", found.stdout + found.stderr, re.MULTILINE)
    finally:
        aside.rename(csv)


def test_a_clone_that_moves_reruns_nothing(pretended, tmp_path):
    moved = Project(shutil.copytree(pretended, tmp_path / "elsewhere" / "moved"))
    assert moved.planned("perf_report") == set()


@pytest.mark.slow
def test_artifacts_of_unknown_origin_are_named(pretended, tmp_path):
    """And once Snakemake was told to take them as they are, they are current."""
    own = Project(shutil.copytree(pretended, tmp_path / "own"))
    shutil.rmtree(own.root / ".snakemake")
    (own.root / "artifacts/mnist/provenance/manifest.json").unlink()
    said = own.snakemake("-n", "perf_report").stderr
    assert re.search(r"^artifacts/mnist: nothing says how \d+ outputs \(.*\) were made: .* Hint: ", said, re.MULTILINE)
    assert "Nothing to be done" not in said
    own.snakemake("perf_report", "--touch", "--cores", "1")
    assert own.planned("perf_report") == set()


def test_analysis_never_measures(pretended):
    """After a finished run: another statistic, template or wording makes the report alone, another command nothing."""
    root = pretended
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
