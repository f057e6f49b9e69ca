"""The whole workflow through sbatch on a real Slurm: what shares a node with what, and what scancel leaves behind."""

import os
import shutil
import subprocess
import uuid

import pytest
import yaml

import slurm
from conftest import DEFAULT, FULL, ROOT, TARGETS, Project, expected_outputs, merged
from processes import MARK, marked, named, shown, wait_for

# Twice what a sweep asks for: two would fit beside each other.
CPUS = 8
# For a cluster without accounting, and for short jobs.
SMALL_CLUSTER = (
    *("--profile", "profiles/slurm", "--slurm-no-account", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
)
SHORT = {"variants": ["openvino", "null"], "sweep": {"concurrencies": [1]}}


@pytest.fixture(scope="module")
def cluster(needs, tmp_path_factory):
    """A Slurm of one node."""
    needs(*slurm.PROGRAMS)
    if os.geteuid() != 0 or slurm.CONFIG.exists():
        pytest.skip(f"needs root and a machine without {slurm.CONFIG}")
    with slurm.cluster(tmp_path_factory.mktemp("slurm"), CPUS, memory=16_000):
        yield


@pytest.fixture(scope="module")
def submitted(cluster, project, tmp_path_factory):
    """A project in which everything ran through Slurm, where Snakemake itself would have let sweeps run together."""
    own = type(project)(shutil.copytree(project.root, tmp_path_factory.mktemp("submitted") / "project"))
    (own.root / "short.yaml").write_text(yaml.safe_dump(SHORT))
    own.snakemake(*TARGETS, *SMALL_CLUSTER, "--resources", "measure=9", configfiles=(FULL, "short.yaml"))
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


def test_no_sweep_shares_its_node(submitted):
    jobs = slurm.jobs()
    sweeps = [job for job in jobs if rule(job) == "sweep"]
    assert len(sweeps) == len(SHORT["variants"])
    for sweep in sweeps:
        assert sweep["NumCPUs"] == str(CPUS)
        for other in (job for job in jobs if job is not sweep):
            assert other["EndTime"] <= sweep["StartTime"] or sweep["EndTime"] <= other["StartTime"], other["Comment"]


def test_jobs_get_what_their_rules_ask_for(submitted):
    train = next(job for job in slurm.jobs() if rule(job) == "train")
    assert (train["CPUs/Task"], train["MinMemoryNode"], train["TimeLimit"]) == ("2", "4000M", "00:30:00")


def test_scancel_leaves_no_server(submitted, tmp_path):
    sweep = {"window_ms": 1234, "max_windows": 60, "stability_percent": 1.0e-6}
    (submitted.root / "long.yaml").write_text(yaml.safe_dump({"variants": ["null"], "sweep": sweep}))
    mark = uuid.uuid4().hex
    target = "artifacts/test/perf/null/repeat-1/points.csv"
    with (tmp_path / "snakemake.log").open("w") as log:
        running = subprocess.Popen(
            submitted.command(target, *SMALL_CLUSTER, configfiles=(FULL, "short.yaml", "long.yaml")),
            cwd=submitted.root, env=os.environ | {MARK: mark}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: running.poll() is not None or named(mark, "perf_analyzer"), "perf_analyzer")
        assert named(mark, "tritonserver"), (tmp_path / "snakemake.log").read_text()
        slurm.ask("scancel", slurm.ask("squeue", "--noheader", "--format=%A").strip())
        assert running.wait(60) != 0
        wait_for(lambda: not marked(mark), f"the end of {shown(marked(mark))}")
    finally:
        for process in marked(mark):
            process.kill()
        running.wait(60)
