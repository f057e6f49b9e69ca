"""What the workflow asks of Snakemake beyond its documentation: each question of plan/snakemake_internals.py."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from plan import snakemake_internals
from small_workflow import run_snakemake


@pytest.fixture(scope="module")
def workflow(project):
    """Snakemake's own workflow object when all jobs are planned."""
    program = project.root / "internals.py"
    program.write_text(INTERNALS)
    return json.loads(run_python(program, project.root))


@pytest.mark.parametrize("cores", ["1", "2", "8", "all"])
def test_what_measures_takes_all_cores(project, cores):
    """So that nothing runs beside it; of everything else many jobs may run at once."""
    dry_run = f'["perf_report", "tune", "-n", "--cores", "{cores}"]'
    program = project.root / "threads.py"
    program.write_text(INTERNALS.replace("summary", "execute").replace('["perf_report", "--execute"]', dry_run))
    threads = dict(json.loads(run_python(program, project.root))["threads"])
    measuring = {"sweep", "head_to_head", "in_process", "tune_search", "tune_proof"}
    everything = len(os.sched_getaffinity(0)) if cores == "all" else int(cores)
    assert {rule: threads[rule] for rule in measuring} == dict.fromkeys(measuring, everything)
    assert {threads[rule] for rule in ("healthcheck", "repository", "engine_openvino", "perf_report")} == {1}


def test_submitted_measurements_do_not_ask_for_the_cores_of_this_machine():
    """A node is theirs by profiles/slurm."""
    resources = SimpleNamespace(cores=64)
    for local, found in ((True, 64), (False, None)):
        own = SimpleNamespace(resource_settings=resources, executor_plugin="slurm", local_exec=local)
        assert snakemake_internals.cores(own) == found


INTERNALS = """
import contextlib, io, json, os, sys
from snakemake.cli import main
from snakemake.workflow import Workflow
kept = []
whole = Workflow.summary
def summary(self, *arguments, **options):
    kept.append(self)
    return whole(self, *arguments, **options)
Workflow.summary = summary
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    with contextlib.suppress(SystemExit):
        main(["perf_report", "--summary"])
from plan import snakemake_internals as internals
(workflow,) = kept
print(json.dumps({
    "cache": internals.has_cache(workflow),
    "jobs": [[job.rule, dict(job.wildcards), job.gpus, job.contained] for job in internals.planned_jobs(workflow)],
    "logs": internals.logs(workflow, "sweep", {"variant": "null", "repeat": "2"}),
    "here": internals.runs_here(workflow),
    "finished": internals.finished_jobs(workflow),
    "threads": [[job.rule.name, job.threads] for job in workflow.dag.jobs],
    "forced": internals.forced_jobs(workflow, "sweep"),
    "twice": [[job.rule.name, path] for job in workflow.dag.jobs for path in job.input if job.input.count(path) > 1],
    "existing": internals.existing_outputs(workflow, "artifacts/"),
    "alone": internals.plans_alone(workflow),
    "inputs": internals.inputs(workflow, "judgement", {"variant": "null"}),
}))
"""


def run_python(program: Path, directory: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(directory / "workflow" / "scripts")}
    found = subprocess.run(
        [sys.executable, program], cwd=directory, env=environment, capture_output=True, text=True, check=True
    )
    return found.stdout


def test_what_snakemake_does_not_document(workflow):
    assert workflow["cache"] is False
    jobs = [tuple(job[:1]) + tuple(sorted(job[1].items())) for job in workflow["jobs"]]
    assert ("sweep", ("repeat", "1"), ("variant", "null")) in jobs
    assert all(job[2:] == [0, False] for job in workflow["jobs"])
    assert workflow["logs"] == [
        [None, "artifacts/mnist/logs/sweep/null-2.log"],
        ["server", "artifacts/mnist/logs/sweep/null-2.server.log"],
    ]
    assert isinstance(workflow["here"], bool)
    assert workflow["finished"] == []
    assert workflow["forced"] == []
    assert workflow["existing"] == []
    assert workflow["alone"] is True
    assert "artifacts/mnist/health/null.checks.json" in workflow["inputs"]
    assert "workflow/scripts/judgement.py" in workflow["inputs"]


def test_no_file_is_an_input_twice(workflow):
    """Or the manifest, which names each once, could not say which inputs a job had."""
    assert workflow["twice"] == []


def test_finished_jobs_are_those_whose_files_are_there(tmp_path):
    here, gone = tmp_path / "here", tmp_path / "gone"
    here.touch()
    jobs = [
        SimpleNamespace(
            rule=SimpleNamespace(name=path.name), shellcmd="c", input=[str(here)], output=[str(path)], log=["l"]
        )
        for path in (here, gone)
    ]
    records = {str(here): SimpleNamespace(params=["'a'"], code="c {params}")}
    persistence = SimpleNamespace(deactivate_cache=lambda: None, metadata=records.get)
    (found,) = snakemake_internals.finished_jobs(
        SimpleNamespace(dag=SimpleNamespace(jobs=jobs), persistence=persistence)
    )
    assert (found["rule"], found["params"], found["code"]) == ("here", ["'a'"], "c {params}")


# Snakemake is asked to end while it records the outputs of a job, with its scheduler's lock in its hands.
ASKED_TO_END = """
import os
import signal
from snakemake.persistence.file import FilePersistence
from plan import snakemake_internals
unmark = FilePersistence._unmark_incomplete
def asked(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    return unmark(*arguments)
FilePersistence._unmark_incomplete = asked
onstart:
    snakemake_internals.end_when_asked(workflow)
rule only:
    output: "made"
    shell: "touch {output}"
"""


def test_snakemake_ends_when_it_is_asked_to_while_it_records_a_job(tmp_path):
    # It waited for ever before.
    run_snakemake(tmp_path, ASKED_TO_END)
    assert (tmp_path / "made").exists()
