"""The workflow used from other directories and in other forms: -s, --directory, modules, containers."""

import re
import subprocess

import pytest

from conftest import DEFAULT, ROOT, Project
from program.files import read_json


def jobs(project: Project, *arguments: str) -> dict[str, str]:
    """The number of jobs of each rule in a dry run."""
    found = project.snakemake("-n", *arguments)
    return dict(re.findall(r"^(\w+) +(\d+)$", found.stdout, re.MULTILINE))


@pytest.mark.slow
def test_any_directory_is_a_working_directory(project, tmp_path):
    """The default run is planned in full, with the files of the project; its outputs come to the working directory."""
    snakefile, elsewhere = ["-s", str(project.root / "Snakefile")], Project(tmp_path)
    planned = jobs(project)
    assert (
        planned["total"] == jobs(elsewhere, *snakefile)["total"] == jobs(project, "--directory", str(tmp_path))["total"]
    )
    elsewhere.snakemake(*snakefile, "--cores", "1", "dataset")
    made = read_json(tmp_path / "artifacts" / "mnist" / "dataset" / "dataset.json")
    assert made["source"] == "embedded"
    assert jobs(elsewhere, *snakefile, "dataset") == {}
    assert not (project.root / "artifacts" / "mnist").exists()


def test_a_directory_with_a_configuration_uses_that(project, tmp_path):
    (tmp_path / "config").mkdir()
    text = (project.root / "config" / "config.yaml").read_text()
    (tmp_path / "config" / "config.yaml").write_text(text.replace("run: mnist\n", "run: mine\n"))
    shown = Project(tmp_path).snakemake("-n", "-p", "train", "-s", str(project.root / "Snakefile")).stdout
    assert "log=artifacts/mine/logs/train.log" in shown


def test_module_without_a_clone_is_refused(tmp_path):
    """As github() would bring it: single files from a repository, without the scripts beside them."""
    repository = tmp_path / "repository"
    (repository / "rules").mkdir(parents=True)
    (repository / "rules" / "terminal.smk").write_bytes((ROOT / "rules" / "terminal.smk").read_bytes())
    git = ["git", "-C", str(repository), "-c", "user.name=me", "-c", "user.email=me@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    (tmp_path / "Snakefile").write_text(
        f'module endpoints:\n    snakefile: "git+file://{repository}/rules/terminal.smk@main"\n'
        "use rule * from endpoints\n"
    )
    found = Project(tmp_path).snakemake("-n", check=False)
    assert found.returncode == 1
    assert "Hint: clone it and name its Snakefile by path" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.usefixtures("deployment")
def test_conda_is_planned(project):
    found = project.snakemake("-n", "--sdm", "conda")
    assert re.findall(r"Conda environment (\S+) will be created", found.stdout + found.stderr) == ["envs/main.yaml"]
    assert re.search(r"^total +\d\d$", found.stdout, re.MULTILINE)


@pytest.mark.usefixtures("deployment")
def test_conda_in_the_image_is_planned(project):
    """As docs/gpu.md has it; the image is that of the configuration."""
    found = project.snakemake("-n", "--sdm", "conda", "apptainer", configfiles=("config/gpu_native.yaml",))
    image = DEFAULT["serving"]["image"]
    assert re.findall(r"Singularity image (\S+) will be pulled", found.stdout + found.stderr) == [image]
    assert re.search(r"^total +\d\d$", found.stdout, re.MULTILINE)
