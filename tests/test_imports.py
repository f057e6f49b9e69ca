"""What a script imports is an input of its rule; every script says what it is and refuses what it cannot read."""

import json
import subprocess
import sys

import pytest

from conftest import FULL, ROOT, RULES_OF_FULL, TARGETS
from program.imports import project_imports, top_level_imports

SCRIPTS = ROOT / "workflow" / "scripts"
NAMES = sorted(path.name for path in SCRIPTS.glob("*.py"))

# Runs a script with each command line in one process, as `python script` would, and tells what came of it.
DRIVER = """
import contextlib, io, json, pathlib, runpy, sys
script, command_lines = sys.argv[1], json.loads(sys.argv[2])
sys.path[0] = str(pathlib.Path(script).parent)
runs = []
for arguments in command_lines:
    sys.argv = [script, *arguments]
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as ending:
            code = ending.code
    runs.append([code, out.getvalue(), err.getvalue()])
files = sorted({str(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)})
print(json.dumps([runs, files]))
"""


@pytest.fixture(scope="module")
def outcome():
    """For a script: its answers to --help and to settings that are not JSON, and the project's files it imports."""
    known = {}

    def of(name):
        if name not in known:
            path = str(SCRIPTS / name)
            lines = json.dumps([["--help"], ["--settings", "{oops"]])
            found = subprocess.run(
                [sys.executable, "-c", DRIVER, path, lines], capture_output=True, text=True, check=True
            )
            runs, files = json.loads(found.stdout)
            known[name] = (*runs, {file for file in files if file.startswith(f"{SCRIPTS}/")} | {path})
        return known[name]

    return of


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_help(outcome, name):
    (code, out, err), _, _ = outcome(name)
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: {name} ")


@pytest.mark.parametrize("name", NAMES)
def test_settings_that_are_no_json(outcome, name):
    (_, help_text, _), (code, out, err), _ = outcome(name)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    if "--settings" in help_text:
        assert f"{name}: error: --settings not JSON: " in err


@pytest.mark.parametrize("name", NAMES)
def test_all_imports_are_found_by_reading(outcome, name):
    found = {str(path) for path in project_imports(SCRIPTS / name, SCRIPTS)}
    imported = outcome(name)[2]
    assert imported - found == set()
    assert project_imports(SCRIPTS / name, SCRIPTS)[0] == SCRIPTS / name


def test_inputs_of_every_rule_hold_what_its_script_imports(finished_run, outcome):
    """Read from what Snakemake itself recorded of the jobs that ran."""
    checked = set()
    for row in finished_run.summary(*TARGETS, configfiles=(FULL,), detailed=True):
        inputs = set(row["input-file(s)"].split(","))
        script = next(word for word in row["shellcmd"].split() if word.startswith("workflow/scripts/"))
        name = script.removeprefix("workflow/scripts/")
        needed = {f"workflow/scripts/{file.removeprefix(f'{SCRIPTS}/')}" for file in outcome(name)[2]}
        assert needed - inputs == set(), row["rule"]
        checked.add(row["rule"])
    assert checked == set(RULES_OF_FULL)


def test_nothing_imports_a_command():
    """import-linter says so of the packages; this holds the rules' scripts to it as well."""
    files = [path for path in SCRIPTS.rglob("*.py") if path.parent.name != "commands"]
    assert [path for path in files if "commands" in top_level_imports(path)] == []


@pytest.mark.parametrize("name", ["healthcheck.py", "in_process.py", "sweep.py"])
def test_what_records_does_not_load_what_analyses(name):
    """Neither when it starts nor later: no pandas, and no module of the upper layers."""
    files = project_imports(SCRIPTS / name, SCRIPTS)
    layers = {path.relative_to(SCRIPTS).parts[0] for path in files}
    assert layers & {"analyse", "show", "tuning", "commands"} == set()
    program = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import {name.removesuffix('.py')}; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    imported = {*loaded}.union(*map(top_level_imports, files))
    assert imported & {"pandas", "scipy", "plotly"} == set()


# What Snakemake itself imports, with its plugins: pandas and numpy come with the one for Slurm.
HEAVY = {
    "mlxtend", "onnx", "onnxruntime", "openvino", "plotly", "pytriton", "scipy", "tensorrt_rtx_bindings",
    "torch", "torchvision", "tritonclient",
}  # fmt: skip


def test_a_plan_imports_no_heavy_library(project):
    """Each costs seconds of every `snakemake -n`; jobs import them."""
    program = (
        "import contextlib, sys; from snakemake.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['-n', 'perf_report', '--quiet', 'all'])\n"
        "print('imported', *sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=project.root, capture_output=True, text=True, check=True
    )
    imported = set(found.stdout.splitlines()[-1].split())
    assert {"imported", "snakemake", "plan.config"} <= imported
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()
    assert "google.protobuf" not in imported


def test_imports_are_followed_through_packages_and_functions(tmp_path):
    files = {
        "main.py": "import os\nfrom package import one\n\ndef late():\n    import lonely\n",
        "lonely.py": "import package.deep.two as two\n",
        "unused.py": "",
        "package/__init__.py": "from package.three import name\n",
        "package/one.py": "import json, main\n",
        "package/three.py": "name = 1\n",
        "package/deep/__init__.py": "",
        "package/deep/two.py": "from package.one import anything\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [str(path.relative_to(tmp_path)) for path in project_imports(tmp_path / "main.py", tmp_path)]
    assert found == [
        "main.py", "lonely.py", "package/__init__.py", "package/deep/__init__.py", "package/deep/two.py",
        "package/one.py", "package/three.py",
    ]  # fmt: skip


EVERYWHERE = """
try:
    import a
except ImportError:
    import b
else:
    import c
finally:
    import d
with open("x"):
    for one in ():
        import e
    else:
        from f import g
    while one:
        import h
match one:
    case 1:
        import i
class Kind:
    async def method(self):
        async with one:
            if one:
                from . import j
            elif not one:
                import k.l
"""


def test_imports_are_found_in_every_block(tmp_path):
    (tmp_path / "main.py").write_text(EVERYWHERE)
    assert top_level_imports(tmp_path / "main.py") == {*"abcdefhik"}
    (tmp_path / "j.py").write_text("")
    assert project_imports(tmp_path / "main.py", tmp_path) == [tmp_path / "main.py", tmp_path / "j.py"]
