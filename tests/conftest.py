"""A copy of the project in which Snakemake may run, one finished run, and a small trained model and served model."""

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from project import ROOT, Project, copy_project

# Of `make test`, which is not what the tests start.
os.environ.pop("STARTED_BY", None)
SCRIPTS = ROOT / "workflow" / "scripts"
CONFIGS = ROOT / "tests" / "configs"
DEFAULT = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
OVERLAYS = sorted([*(ROOT / "config").glob("*.yaml"), *CONFIGS.glob("*.yaml")])
FULL = "tests/configs/full.yaml"
# The rules that have a job in a run of it.
RULES_OF_FULL = (
    "dataset", "train", "reference", "export", "parity",
    "engine_openvino", "engine_aotinductor", "engine_tensorrt_rtx",
    "backend", "repository", "repository_pytriton", "repository_bls", "repository_ensemble", "healthcheck", "sweep",
    "accept", "judgement", "head_to_head", "in_process", "provenance", "perf_report",
)  # fmt: skip
TARGETS = ("perf_report",)


def merged(base: dict, overlay: dict) -> dict:
    """`overlay` over `base`, as Snakemake merges: mappings deeply, all else replaced."""
    result = copy.deepcopy(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project in which nothing has run."""
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project in which the native backends are compiled, and nothing else is made."""
    project = copy_project(tmp_path_factory.mktemp("finished"))
    project.snakemake("--cores", "2", "backend", configfiles=(FULL,))
    return project


@pytest.fixture(scope="session")
def backends(compiled: Project) -> Path:
    """A backend directory for Triton with every native backend."""
    return compiled.root / "artifacts" / "backends"


@pytest.fixture(scope="session")
def finished_run(compiled: Project) -> Project:
    """The copy of the project in which tests/configs/full.yaml has run from end to end. Tests leave it as it is."""
    # More than this machine has: what measures runs alone all the same (test_full_run.py).
    compiled.snakemake("--cores", "6", *TARGETS, configfiles=(FULL,))
    return compiled


@pytest.fixture(scope="session")
def served_run(finished_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished run from which tests serve: servers leave logs and requests in it."""
    return Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("served") / "project"))


ANALYZER = ROOT / ".venv-model-analyzer" / "bin" / "model-analyzer"
# The smallest real search: one configuration besides the default, at one concurrency.
TUNE = {
    "tune": {
        "model_analyzer": str(ANALYZER),
        "search": {"instances": [1], "queue_delays_us": [200], "threads": [], "concurrencies": [2]},
        "constraints": ["perf_latency_p99 <= 5000"],
        "rounds": 2,
    },
}


@pytest.fixture(scope="session")
def tuned_run(finished_run: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Path]:
    """A copy of the finished run in which a small search and what deploys its choice were made, and its overlay."""
    project = Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("tuned") / "project"))
    overlay = project.root / "tune.yaml"
    overlay.write_text(yaml.safe_dump(TUNE))
    project.snakemake("--cores", "2", "tune", "deploy", configfiles=(FULL, overlay))
    return project, overlay


def health(variant: str, *reasons: str) -> str:
    """The text of a health.json."""
    server = {"kind": "bundled", "version": "2.51.0"}
    found = {"variant": variant, "model": variant, "server": server, "healthy": not reasons, "reasons": reasons}
    return json.dumps(found | {"remarks": [], "accuracy": None, "samples": 2, "protocols": {}})


def checks(variant: str, *faults: str) -> str:
    """The text of a checks.json."""
    found = {name: value for name, value in json.loads(health(variant)).items() if name not in ("healthy", "reasons")}
    return json.dumps(found | {"computes": True, "faults": faults})


@dataclass(frozen=True)
class Programs:
    """Runs the rules' scripts by their file names, or the commands by their names, in a directory."""

    directory: Path
    commands: bool = False

    def at(self, directory: Path) -> "Programs":
        """The same in another directory."""
        return Programs(directory, self.commands)

    def __call__(self, name: str, *arguments: str | Path, settings: object = None) -> subprocess.CompletedProcess[str]:
        program = ["-m", f"commands.{name}"] if self.commands else [SCRIPTS / name]
        given = [] if settings is None else ["--settings", json.dumps(settings)]
        return subprocess.run(
            [sys.executable, *program, *given, *map(str, arguments)],
            cwd=self.directory, env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip


@pytest.fixture
def script(tmp_path: Path) -> Programs:
    """Run a rule's script in the test's own directory: script("train.py", ...)."""
    return Programs(tmp_path)


@pytest.fixture
def command(tmp_path: Path) -> Programs:
    """Run a command in the test's own directory: command("evaluate", ...)."""
    return Programs(tmp_path, commands=True)


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """400 real digits and their labels, as many of each."""
    from models.mnist_data import embedded

    return embedded(400, seed=1)[1]


@pytest.fixture(scope="session")
def dataset_files(tmp_path_factory: pytest.TempPathFactory, digits: tuple[np.ndarray, np.ndarray]) -> Path:
    """A directory with a small train.npz and test.npz."""
    directory = tmp_path_factory.mktemp("dataset")
    images, labels = digits
    np.savez_compressed(directory / "train.npz", images=images[:200], labels=labels[:200])
    np.savez_compressed(directory / "test.npz", images=images[200:], labels=labels[200:])
    return directory


TRAIN = DEFAULT["train"] | {"epochs": 1, "threads": 1, "batch_size": 50, "arguments": {}}
del TRAIN["min_accuracy"]


@pytest.fixture(scope="session")
def checkpoint(dataset_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model.pt of the default model file, trained for one short epoch by the rule's own script."""
    directory = tmp_path_factory.mktemp("model")
    found = Programs(directory)(
        "train.py", "--model-file", ROOT / DEFAULT["model"]["file"], "--train", dataset_files / "train.npz",
        "--test", dataset_files / "test.npz", "--model", directory / "model.pt",
        "--metrics", directory / "metrics.json", settings=TRAIN,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return directory / "model.pt"


@pytest.fixture(scope="session")
def export(checkpoint: Path, dataset_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Run the scripts of the exports into a new directory."""

    def run() -> Path:
        directory = tmp_path_factory.mktemp("export")
        run_script = Programs(directory)
        given = ("--model", checkpoint, "--reference", directory / "reference.npz")
        for found in (
            run_script(
                "reference.py", *given, "--dataset", dataset_files / "test.npz",
                "--raw-reference", directory / "reference_raw.npz",
                settings={"model": MODEL, "raw": DEFAULT["model"]["raw"], "shapes": []},
            ),
            run_script("export.py", *given, "--onnx", "model.onnx", settings={"opset": 20, "model": MODEL}),
            run_script("export_torchscript.py", *given, "--torchscript", "model.ts", settings={"batching": True}),
        ):  # fmt: skip
            assert found.returncode == 0, found.stderr
        return directory

    return run


@pytest.fixture(scope="session")
def exported(export: Callable[[], Path]) -> Path:
    """One export of the checkpoint."""
    return export()


PROFILE = {"min": "input:1x1x28x28", "opt": "input:4x1x28x28", "max": "input:16x1x28x28"}
MODEL = {
    "inputs": [{"name": "input", "dtype": "FP32", "dims": [1, 28, 28]}],
    "outputs": [{"name": "output", "dtype": "FP32", "dims": [10], "scores": True}],
}
SERVING = {"device": "cpu", "instances": 1, "threads": "auto", "max_queue_delay_us": 0}


@pytest.fixture(scope="session")
def repository_settings() -> dict:
    """The settings of rule repository: batches of 1 to 16."""
    profile = {bound: PROFILE[bound] for bound in ("min", "max")}
    return {"name": "small", "backend": None, "model": MODEL, "profile": profile, "serving": SERVING}


@pytest.fixture(scope="session")
def make_repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build a model repository from settings and the text of a runtime.py, by the rule's own script."""

    def make(settings: dict, runtime: Path) -> Path:
        repository = tmp_path_factory.mktemp("repository") / "served"
        found = Programs(repository.parent)(
            "repository.py", "--model-py", ROOT / "workflow/backends/model.py", "--runtime", runtime,
            "--repository", repository, "--listing", repository.with_suffix(".json"), settings=settings,
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        return repository

    return make


@pytest.fixture(scope="session")
def null_repository(make_repository: Callable[..., Path], repository_settings: dict) -> Path:
    """A repository whose model `small` computes nothing."""
    return make_repository(repository_settings, ROOT / "workflow" / "backends" / "runtime_null.py")


@pytest.fixture(scope="session")
def null_server(null_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A running server of that repository."""
    from serve import server

    with server.running(null_repository, ["small"], tmp_path_factory.mktemp("server") / "triton.log") as running:
        yield running


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """Skip a test when one of the programs is not installed; in CI that is a failure."""

    def check(*programs: str) -> None:
        if missing := [program for program in programs if shutil.which(program) is None]:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not installed: {', '.join(missing)}")

    return check


# What Snakemake asks of the two programs when it plans; in a container it asks for conda too.
CONDA = """#!/bin/sh
case "$*" in
  *info*) echo '{"conda_prefix": "/opt/conda", "platform": "linux-64", "root_prefix": "/opt/conda"}';;
  *get*) echo '{"get": {"channel_priority": "strict"}}';;
  *) echo "conda 24.7.1";;
esac
"""
APPTAINER = """#!/bin/sh
[ "$1" = --version ] && { echo "apptainer version 1.3.4"; exit; }
while [ $# -gt 0 ]; do case "$1" in sh|bash|/bin/sh|/bin/bash) exec "$@";; esac; shift; done
exit 1
"""


@pytest.fixture
def deployment(tmp_path, monkeypatch):
    """Stand-ins for conda and apptainer in PATH."""
    for name, text in (("conda", CONDA), ("apptainer", APPTAINER)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


# What takes minutes, or needs the environment of Model Analyzer: a test with one of these fixtures is slow.
SLOW = {"clones", "cluster", "runs", "stored", "tuned_run"}


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark the tests with slow fixtures; the slow ones come last."""
    for item in items:
        if SLOW & {*item.fixturenames}:
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
