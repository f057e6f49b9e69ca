"""The whole workflow through sbatch on a real Slurm of two nodes: what it makes, what shares a node with what, and what
a job leaves that Slurm ends.
"""

import csv
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml

import slurm
from conftest import DEFAULT, FULL, ROOT, TARGETS, Project, merged
from expected import expected_outputs
from plan.origin import MANIFEST
from processes import MARK, marked, named, shown, wait_for
from program.files import read_json
from sites import sites, written
from test_provenance import NEVER_THE_SAME, TIMED

# Twice what a sweep asks for: two would fit beside each other.
CPUS = 8
# For a cluster without accounting, and for short jobs.
SMALL_CLUSTER = (
    *("--slurm-no-account", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
)
SHORT = {"variants": ["openvino", "null"], "sweep": {"concurrencies": [1]}}
PROFILE = ("--profile", "site")
TARGET = Path("artifacts/test/perf/null/repeat-1/points.csv")


@pytest.fixture(scope="module")
def cluster(needs, tmp_path_factory):
    """A Slurm of two nodes."""
    needs(*slurm.PROGRAMS)
    if os.geteuid() != 0 or slurm.CONFIG.exists():
        pytest.skip(f"needs root and a machine without {slurm.CONFIG}")
    with slurm.cluster(tmp_path_factory.mktemp("slurm"), CPUS, memory=16_000):
        yield


@pytest.fixture(scope="module")
def submitted(cluster, project, tmp_path_factory):
    """A project in which everything ran through Slurm, where Snakemake itself would have let sweeps run together.

    The second node is the kind of node that docs/cluster.md keeps for results that depend on the processor.
    """
    own = type(project)(shutil.copytree(project.root, tmp_path_factory.mktemp("submitted") / "project"))
    (own.root / "short.yaml").write_text(yaml.safe_dump(SHORT))
    written(sites()["One kind of processor"].replace("milan", "two"), own.root / "site")
    own.snakemake(*TARGETS, *SMALL_CLUSTER, *PROFILE, "--resources", "measure=9", configfiles=(FULL, "short.yaml"))
    return own


def test_every_rule_that_measures_gets_a_node():
    """Rules that take the resource of which there is one."""
    profile = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())
    measuring = {name for name, rule in Project(ROOT).rules().items() if "measure" in rule["resources"]}
    assert {name: {"slurm_extra": "'--exclusive'"} for name in measuring} == profile["set-resources"]


def rule(job):
    """The rule of a Slurm job, from the comment that the plugin gives it."""
    return job["Comment"].removeprefix("rule_").split("_wildcards_")[0]


def test_whole_workflow_through_sbatch(submitted):
    run = submitted.root / "artifacts" / "test"
    config = merged(merged(DEFAULT, yaml.safe_load((ROOT / FULL).read_text())), SHORT)
    # What all runs share lies beside the run.
    places = (run, run.parent)
    assert {name for name in expected_outputs(config) if not any((one / name).exists() for one in places)} == set()
    jobs = slurm.jobs()
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    submitted_rules = set(map(rule, jobs))
    assert {"train", "export", "parity", "engine_openvino", "repository", "healthcheck", "sweep"} <= submitted_rules
    # What needs the internet ran where Snakemake does.
    assert "dataset" not in submitted_rules
    assert any("perf_report" in name for name in submitted_rules)


def test_what_depends_on_the_processor_ran_on_one_kind_of_node(submitted):
    nodes = {}
    for job in slurm.jobs():
        nodes.setdefault(rule(job), set()).add(job["NodeList"])
    for name in ("engine_openvino", "healthcheck", "sweep", "head_to_head", "in_process"):
        assert nodes[name] == {"two"}, name
    # What does not may run anywhere, and did.
    assert "one" in set().union(*nodes.values())


def test_files_are_those_of_a_run_without_slurm(submitted, finished_run):
    """All that no clock and no server decides, made on two nodes."""
    here, there = (
        read_json(project.root / "artifacts" / "test" / MANIFEST)["files"] for project in (finished_run, submitted)
    )
    made = [
        name for name in here.keys() & there.keys()
        if name.startswith(("dataset/", "model/", "export/", "engine/", "repository/"))
        and not name.endswith((*TIMED, *NEVER_THE_SAME))
    ]  # fmt: skip
    assert {"model/model.pt", "export/model.onnx", "engine/openvino/model.blob", "repository/openvino.json"} <= {*made}
    assert [name for name in made if here[name]["sha256"] != there[name]["sha256"]] == []


def test_no_sweep_shares_its_node(submitted):
    jobs = slurm.jobs()
    sweeps = [job for job in jobs if rule(job) == "sweep"]
    assert len(sweeps) == len(SHORT["variants"])
    for sweep in sweeps:
        assert sweep["NumCPUs"] == str(CPUS)
        for other in (job for job in jobs if job is not sweep and job["NodeList"] == sweep["NodeList"]):
            assert other["EndTime"] <= sweep["StartTime"] or sweep["EndTime"] <= other["StartTime"], other["Comment"]


def test_jobs_get_what_their_rules_ask_for(submitted):
    train = next(job for job in slurm.jobs() if rule(job) == "train")
    assert (train["CPUs/Task"], train["MinMemoryNode"], train["TimeLimit"]) == ("2", "4000M", "00:30:00")


@pytest.fixture
def measuring(submitted, tmp_path):
    """A long sweep on node two that has begun to measure, made anew: the number of its job, Snakemake, its output."""
    (submitted.root / TARGET).unlink(missing_ok=True)
    sweep = {"window_ms": 8000, "max_windows": 3, "stability_percent": 1.0e-6}
    (submitted.root / "long.yaml").write_text(yaml.safe_dump({"variants": ["null"], "sweep": sweep}))
    mark = uuid.uuid4().hex
    log = tmp_path / "snakemake.log"
    with log.open("w") as stream:
        running = subprocess.Popen(
            submitted.command(str(TARGET), *SMALL_CLUSTER, *PROFILE, configfiles=(FULL, "short.yaml", "long.yaml")),
            cwd=submitted.root, env=os.environ | {MARK: mark}, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        wait_for(lambda: running.poll() is not None or named(mark, "perf_analyzer"), "perf_analyzer")
        assert named(mark, "tritonserver"), log.read_text()
        yield slurm.ask("squeue", "--noheader", "--format=%A").strip(), mark, running, log
    finally:
        for process in marked(mark):
            process.kill()
        running.wait(60)


@pytest.mark.parametrize(
    ("end", "state", "hint"),
    [
        pytest.param(("scancel", "{job}"), "CANCELLED", "run the same command to go on", id="scancel"),
        pytest.param(
            ("scontrol", "update", "JobId={job}", "EndTime=now+1"),
            *("TIMEOUT", "--retries 2 gives it more time"), id="its time is over",
        ),
    ],
)  # fmt: skip
def test_job_that_slurm_ends_leaves_nothing(submitted, measuring, end, state, hint):
    job, mark, running, log = measuring
    slurm.ask(*(part.format(job=job) for part in end))
    assert running.wait(120) == 1
    wait_for(lambda: not marked(mark), f"the end of {shown(marked(mark))}")
    (failed,) = re.findall(r"^Failed: .*$", log.read_text(), re.MULTILINE)
    assert failed.startswith(f"Failed: Sweep of null, repeat 1. Slurm ended its job {job}: {state}. Hint: {hint}. See ")
    assert "Traceback" not in log.read_text()
    assert list((submitted.root / TARGET.parent).rglob("*")) == []
    short = (FULL, "short.yaml")
    submitted.snakemake(str(TARGET), "--cores", "2", configfiles=short)
    assert statuses(submitted) == ["stable"]
    assert submitted.planned(str(TARGET), configfiles=short) == set()


def statuses(project):
    """The status of each point of the target."""
    with (project.root / TARGET).open() as stream:
        return [row["status"] for row in csv.DictReader(stream)]


def test_preempted_job_starts_again(submitted, measuring, tmp_path):
    """Where Slurm puts it into the queue again; Snakemake waits for it."""
    job, mark, running, log = measuring
    first = {process.pid for process in named(mark, "tritonserver")}
    slurm.ask(
        "sbatch", "--partition=urgent", "--exclusive", "--constraint=two", f"--output={tmp_path}/urgent", "--wrap=true"
    )
    wait_for(lambda: {process.pid for process in named(mark, "tritonserver")} - first, "the server of the second start")
    assert running.wait(180) == 0, log.read_text()
    record = next(one for one in slurm.jobs() if one["JobId"] == job)
    assert (record["JobState"], record["Restarts"]) == ("COMPLETED", "1")
    assert statuses(submitted) == ["unstable"]
