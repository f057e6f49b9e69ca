"""What docs/cluster.md says of kinds of sites: its settings as a profile, planned down to the options of sbatch."""

import json
import os
import re
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

from conftest import ROOT
from sites import sites, written
from test_deploy import KUBERNETES

# Rules that only sort, judge or show what others found ask for the least memory.
LEAST = "growing(1000)"
# Prints the sbatch command of one job of each rule that is planned.
PLAN = """
import contextlib, io, json, sys
from snakemake.cli import main
from snakemake.workflow import Workflow
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string
kept = []
whole = Workflow.execute
def execute(self, *arguments, **options):
    kept.append(self)
    return whole(self, *arguments, **options)
Workflow.execute = execute
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
texts = ("run_uuid", "slurm_logfile", "comment_str", "account", "partition", "workdir")
print(json.dumps({
    job.rule.name: {
        "sbatch": get_submit_command(job, dict.fromkeys(texts, "")) + set_gres_string(job),
        "here": job.rule.name in kept[0]._localrules,
        "tmpdir": job.resources.get("tmpdir"),
        "image": job.container_img_url,
    }
    for job in kept[0].dag.jobs if job.rule.shellcmd
}))
"""
TARGETS = ("perf_report", "tune")


@pytest.fixture
def plan(project, tmp_path):
    """Plan all measurements and searches with settings added to profiles/slurm: what each rule's job gets."""

    def planned(settings: str, *options: str) -> dict[str, dict]:
        profile = written(settings, tmp_path / "site")
        (tmp_path / "plan.py").write_text(PLAN)
        found = subprocess.run(
            [sys.executable, tmp_path / "plan.py", *TARGETS, "-n", "--profile", profile, *options],
            cwd=project.root, env=os.environ | {"PYTHONPATH": str(project.root / "workflow" / "scripts")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout)

    return planned


def with_option(jobs: dict[str, dict], option: str) -> set[str]:
    """The rules whose sbatch command has an option."""
    return {name for name, job in jobs.items() if option in job["sbatch"]}


MEASURING = {"sweep", "head_to_head", "in_process", "tune_search", "tune_proof"}


def test_every_site_is_tried_here():
    assert set(sites()) == {
        "One kind of processor", "GPUs only as gres", "Scratch on the node", "Containers", "No internet", "Kubernetes",
    }  # fmt: skip


def rules() -> dict[str, str]:
    """The text of each rule."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    return dict(re.findall(r"^ *rule (\w+):\n(.*?)(?=^ *rule |\Z)", text, re.MULTILINE | re.DOTALL))


@pytest.mark.slow
def test_results_that_depend_on_the_processor_come_from_one_kind(plan):
    """Rules that compute and that no cache shares between machines, and what describes the machine."""
    settings = sites()["One kind of processor"]
    computing = {name for name, text in rules().items() if "shell:" in text and LEAST not in text}
    shared = {name for name, text in rules().items() if "cache: CACHE" in text}
    named = set(yaml.safe_load(settings)["set-resources"])
    assert named == (computing - shared) | {"provenance", "perf_report"}
    jobs = plan(settings)
    assert with_option(jobs, " -C milan") == named & jobs.keys()
    assert with_option(jobs, " --exclusive") == MEASURING


@pytest.mark.slow
def test_one_constraint_for_all(plan):
    jobs = plan("default-resources: {constraint: milan}")
    assert with_option(jobs, " -C milan") == jobs.keys()
    assert with_option(jobs, " --exclusive") == MEASURING


@pytest.mark.slow
def test_gpus_only_as_gres(plan):
    on_gpu = ("--configfile", "config/gpu.yaml")
    settings = sites()["GPUs only as gres"]
    jobs = plan(settings, *on_gpu)
    assert with_option(jobs, "--gpus") == set()
    using = set(yaml.safe_load(settings)["set-resources"]) - {"engine_tensorrt"}
    assert with_option(jobs, " --gres=gpu:1") == using & jobs.keys()
    assert using - jobs.keys() <= {"tune_search", "tune_halving", "tune_proof"}
    assert with_option(jobs, " --exclusive") == MEASURING & jobs.keys()


@pytest.mark.slow
def test_settings_on_the_command_line_replace_those_of_the_profile(plan):
    """Which is why docs/cluster.md wants them in the profile."""
    jobs = plan("{}", "--set-resources", "sweep:constraint=milan")
    assert with_option(jobs, " -C milan") == {"sweep"}
    assert with_option(jobs, " --exclusive") == set()


@pytest.mark.slow
def test_containers(plan, deployment):
    """Servers in NVIDIA's image."""
    jobs = plan(sites()["Containers"], "--configfile", "config/gpu_native.yaml")
    image = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())["serving"]["image"]
    inside = {name for name, job in jobs.items() if job["image"] == image}
    assert {"engine_tensorrt", "healthcheck", "sweep", "head_to_head"} <= inside
    assert inside.isdisjoint({"dataset", "train", "export", "perf_report"})


@pytest.mark.slow
def test_scratch_on_the_node_and_no_internet(plan, tmp_path):
    """The one job that opens connections runs where Snakemake does."""
    (tmp_path / "offline.yaml").write_text(sites()["No internet"])
    jobs = plan(sites()["Scratch on the node"], "--configfile", str(tmp_path / "offline.yaml"))
    assert {job["tmpdir"] for job in jobs.values()} == {"/scratch"}
    assert {name for name, job in jobs.items() if job["here"]} == {"dataset"}


def test_kubernetes_job_is_one_of_the_api():
    """And has the cores that its run takes, for itself."""
    job = yaml.safe_load(sites()["Kubernetes"])
    kubernetes_validate.validate(job, KUBERNETES, strict=True)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    asked = container["resources"]
    assert asked["requests"] == asked["limits"]
    assert container["command"] == ["make", "perf_report", f"CORES={asked['limits']['cpu']}"]
    volumes = {one["name"] for one in job["spec"]["template"]["spec"]["volumes"]}
    assert {one["name"] for one in container["volumeMounts"]} == volumes
