"""What others read of the project by machine: the catalog's file, the workflow of the continuous integration."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from conftest import ROOT
from rule_graph import PAGE, edges, with_picture

CI = ROOT / ".github" / "workflows" / "ci.yml"


def test_ci_is_a_workflow_of_github():
    program = Path(sys.executable).parent / "check-jsonschema"
    found = subprocess.run(
        [program, "--builtin-schema", "vendor.github-workflows", CI], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_ci_runs_what_is_there():
    """Targets of the Makefile, files of the project; it keeps what the run leaves."""
    jobs = yaml.safe_load(CI.read_text())["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    commands = "\n".join(step["run"] for step in steps if "run" in step)
    targets = set(re.findall(r"^([a-z_-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make (\w+)", commands)) <= targets
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
    (overlay,) = set(re.findall(r"tests/configs/\w+\.yaml", commands))
    run = yaml.safe_load((ROOT / overlay).read_text())["run"]
    (kept,) = [step["with"]["path"].split() for step in steps if "upload-artifact" in step.get("uses", "")]
    assert {f"artifacts/{run}/report/", f"artifacts/{run}/logs/", "report.zip"} <= {*kept}


def test_catalog_names_software_stacks_that_the_rules_have(project):
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    rules = "\n".join(path.read_text() for path in (project.root / "rules").glob("*.smk"))
    assert usage["software-stack-deployment"]["conda"] == ("conda:" in rules)
    assert usage["software-stack-deployment"]["apptainer"] == ("container:" in rules)
    assert usage["report"] == ("report(" in rules)


def test_every_test_on_the_page_is_there():
    page = (ROOT / "docs" / "catalog.md").read_text()
    named = re.findall(r"`(tests/test_\w+\.py)(?: -k (\w+|\"[\w ]+\"))?`", page)
    assert len(named) > 20
    for name, chosen in named:
        tests = re.findall(r"^def test_(\w+)", (ROOT / name).read_text(), re.MULTILINE)
        for word in filter(None, chosen.strip('"').split(" or ")):
            assert [test for test in tests if word in test], (name, word)


def test_picture_of_the_rules_is_current():
    assert PAGE.read_text() == with_picture(PAGE.read_text()), "run tools/rule_graph.py"


def test_picture_leaves_out_what_follows():
    drawn = "\tid0[train]\n\tid1[export]\n\tid2[engine]\n\tid0 --> id1\n\tid1 --> id2\n\tid0 --> id2\n"
    assert edges(drawn) == {("train", "export"), ("export", "engine")}
