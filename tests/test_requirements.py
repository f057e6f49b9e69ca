"""What a model needs beyond the project's packages: locked, installed, refused, and an input of what uses it.

The packages are made here and lie in a directory, so that nothing is fetched.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from conftest import DEFAULT, ROOT, Project, copy_project, merged
from plan.lock import locked
from plans import plans, pretend
from show import tabular

UV = shutil.which("uv") or str(ROOT / ".venv-uv" / "bin" / "uv")
NUMPY = locked()["numpy"]
MODEL = """
def build():
    import endpoint_toy
    from torch import nn

    return nn.Linear(4, endpoint_toy.WIDTH)


def example(shapes, generator):
    return {"x": generator.standard_normal(shapes["x"] if shapes else (1, 4)).astype("float32")}
"""
CONFIG = {
    "run": "toy",
    "model": {
        "name": "toy",
        "file": "own/model.py",
        "requirements": "own/requirements.txt",
        "arguments": {},
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [4]}],
        "outputs": [{"name": "y", "dtype": "FP32", "dims": [3]}],
        "raw": None,
    },
    "dataset": {"source": None},
    "profile": {"min": "x:1x4", "opt": "x:2x4", "max": "x:4x4"},
    "variants": ["openvino", "pytriton"],
    "engines": [],
    "pytriton": {"inputs": ["x"], "outputs": ["y"]},
    "sweep": {"batch_sizes": [1], "concurrencies": [1]},
    "healthcheck": {"samples": 4},
}


def wheel(directory: Path, name: str, version: str, requires: Sequence[str] = (), text: str = "") -> None:
    """Write a wheel with one module."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {x}" for x in requires)]
    files = {
        f"{module}.py": text,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    sums = {name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()) for name, text in files.items()}
    record = [f"{name},sha256={sums[name].decode().rstrip('=')},{len(text)}" for name, text in files.items()]
    with zipfile.ZipFile(directory / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for name, content in {**files, f"{info}/RECORD": "\n".join([*record, f"{info}/RECORD,,"]) + "\n"}.items():
            archive.writestr(name, content)


@dataclass(frozen=True)
class Clone:
    """A copy of the project with a model beside it that needs a package, and where that package is found."""

    root: Path
    environment: dict[str, str]

    @property
    def requirements(self) -> Path:
        return self.root / "own" / "requirements.txt"

    @property
    def lock(self) -> Path:
        return self.root / "own" / "requirements.txt.lock"

    def installed(self) -> list[Path]:
        """The directories of packages."""
        return sorted((self.root / ".venv-requirements").glob("*"))

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        """make, with the environment of the tests."""
        command = ["make", "-s", "-o", ".venv/.main", *words, f"UV={UV}"]
        return subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)

    def sync(self, requirements: str) -> None:
        """Ask for packages and install them."""
        self.requirements.write_text(requirements)
        found = self.make("sync", "CONFIG=toy.yaml")
        assert found.returncode == 0, found.stderr

    def refused(self, *words: str) -> str:
        """The one line that make prints."""
        found = self.make(*words)
        (line,) = [line for line in found.stderr.splitlines() if not line.startswith("make: ***")]
        assert (found.returncode, found.stdout) == (2, "")
        return line


@pytest.fixture(scope="module")
def wheels(needs: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of a package; one that needs another numpy than the project's; both numpys, empty."""
    needs(UV)
    directory = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "1.1"):
        wheel(directory, "endpoint-toy", version, ["numpy"], f"WIDTH = 3\nVERSION = {version!r}\n")
    wheel(directory, "endpoint-toy-of-tomorrow", "1.0", ["numpy>=2"])
    for version in (NUMPY, "2.9"):
        wheel(directory, "numpy", version, text="raise ImportError('not numpy')")
    return directory


@pytest.fixture
def clone(wheels: Path, tmp_path: Path) -> Clone:
    root = copy_project(tmp_path / "clone").root
    (root / "own").mkdir()
    (root / "own" / "model.py").write_text(MODEL)
    (root / "toy.yaml").write_text(yaml.safe_dump(CONFIG))
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_FIND_LINKS": str(wheels),
        "UV_NO_CONFIG": "1",
        "UV_OFFLINE": "1",
    }
    return Clone(root, environment)


@pytest.mark.slow
def test_requirements_are_locked_and_installed_once(clone: Clone) -> None:
    clone.sync("endpoint-toy<2  # the toy\n")
    text = clone.lock.read_text()
    assert re.findall(r"^\S+==\S+", text, re.MULTILINE) == ["endpoint-toy==1.1", f"numpy=={NUMPY}"]
    assert text.count("--hash=sha256:") >= 2
    assert str(clone.root) not in text
    (place,) = clone.installed()
    # What the project has is not there a second time.
    assert {path.name for path in place.glob("*.py")} == {"endpoint_toy.py"}
    before = [path.stat().st_mtime_ns for path in (clone.lock, place)]
    for words in (["sync", "CONFIG=toy.yaml"], ["sync"]):
        assert (clone.make(*words).returncode, clone.make(*words).stderr) == (0, "")
    # A comment asks for nothing else; a version that was locked stays where it can.
    clone.sync("# toys\nendpoint-toy\n")
    clone.sync("endpoint-toy<2\n")
    assert [path.stat().st_mtime_ns for path in (clone.lock, place)][1] == before[1]
    clone.sync("endpoint-toy<1.1\n")
    clone.sync("endpoint-toy\n")
    assert "endpoint-toy==1.0 " in clone.lock.read_text()
    # Another run may still want the other one.
    assert len(clone.installed()) == 2


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ("numpy>=2", f"contradicts numpy=={NUMPY} of envs/main.txt: Because you require numpy>=2"),
        ("endpoint-toy-of-tomorrow", f"contradicts numpy=={NUMPY} of envs/main.txt: Because all versions of endpoint-"),
        ("endpoint-toy>", "cannot be locked: Unexpected end of version specifier"),
        ("endpoint-nowhere", "cannot be locked: Because endpoint-nowhere was not found"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(clone: Clone, requirements: str, said: str) -> None:
    clone.requirements.write_text(requirements)
    line = clone.refused("perf_report", "CONFIG=toy.yaml")
    assert line.startswith(f"make perf_report: error: {clone.requirements} {said}")
    assert " Hint: " in line
    assert (clone.lock.exists(), clone.installed()) == (False, [])


def test_a_wheel_that_is_not_the_one_of_the_lock_is_not_installed(clone: Clone) -> None:
    clone.sync("endpoint-toy==1.0")
    shutil.rmtree(clone.root / ".venv-requirements")
    before, toy = clone.lock.read_text().split("endpoint-toy==1.0")
    clone.lock.write_text(before + "endpoint-toy==1.0" + re.sub("sha256:[0-9a-f]{8}", "sha256:00000000", toy, count=1))
    found = clone.make("sync", "CONFIG=toy.yaml")
    assert found.returncode == 2
    (line,) = [line for line in found.stderr.splitlines() if line.startswith("make sync: error: ")]
    assert f"{clone.lock} cannot be installed: Hash mismatch for `endpoint-toy==1.0`" in line
    assert clone.installed() == []


@pytest.mark.slow
def test_snakemake_says_what_is_not_locked_or_not_installed(clone: Clone) -> None:
    project = Project(clone.root)
    clone.requirements.write_text("endpoint-toy\n")
    found = project.snakemake("-n", configfiles=("toy.yaml",), check=False)
    assert "config: model.requirements: own/requirements.txt has no lock, " in found.stderr
    clone.sync("endpoint-toy==1.0\n")
    # Locked for other requirements.
    clone.requirements.write_text("endpoint-toy==1.1\n")
    assert project.snakemake("-n", configfiles=("toy.yaml",), check=False).returncode == 1
    clone.requirements.write_text("endpoint-toy==1.0\n")
    shutil.rmtree(clone.root / ".venv-requirements")
    # A dry run needs none.
    project.snakemake("-n", configfiles=("toy.yaml",))
    found = project.snakemake("--cores", "1", configfiles=("toy.yaml",), check=False)
    assert "model.requirements: what own/requirements.txt asks for is not installed. Hint: make sync" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.slow
def test_another_version_makes_again_what_uses_it(clone: Clone) -> None:
    """All that calls the model file or serves it, and what follows from that."""
    clone.sync("endpoint-toy\n")
    (clone.root / "config" / "config.yaml").write_text(yaml.safe_dump(merged(DEFAULT, CONFIG)))
    pretend(Project(clone.root))
    lock = str(clone.lock.relative_to(clone.root))
    other, requirement = plans(
        clone.root,
        [{"replace": [lock, "endpoint-toy==1.1", "endpoint-toy==1.0"]}, {"append": ["own/requirements.txt"]}],
    )
    assert requirement == set()
    kept = {"backend"}
    rules = {"train", "accept", "reference", "export", "parity", "engine_openvino", "repository", "repository_pytriton"}
    rules |= {"healthcheck", "judgement", "sweep", "in_process", "head_to_head", "provenance", "perf_report"}
    assert {rule for rule, _ in other} == rules - kept


@pytest.mark.slow
def test_a_model_that_needs_a_package_is_served(clone: Clone) -> None:
    """Through Snakemake, to the health check of a server that builds the model itself; the report has its version."""
    clone.sync("endpoint-toy==1.0\n")
    Project(clone.root).snakemake("--cores", "2", "artifacts/toy/health/pytriton.json", configfiles=("toy.yaml",))
    health = json.loads((clone.root / "artifacts" / "toy" / "health" / "pytriton.json").read_text())
    assert (health["healthy"], health["reasons"]) == (True, [])
    (place,) = clone.installed()
    script = clone.root / "workflow" / "scripts" / "provenance.py"
    outputs = [f"--{name.replace('_', '-')}={name}" for name in ("run_config", "versions", "system")]
    subprocess.run(
        [sys.executable, script, "--settings", '{"config": {}}', f"--requirements={clone.lock}",
         "--checks=artifacts/toy/health/pytriton.checks.json", *outputs],
        cwd=clone.root, env=clone.environment | {"PYTHONPATH": str(place)}, check=True,
    )  # fmt: skip
    recorded = {name: json.loads((clone.root / name).read_text()) for name in ("versions", "system")}
    shown = tabular.machine(recorded)["packages"]
    assert (shown["endpoint-toy"], shown["numpy"]) == ("1.0", NUMPY)


@pytest.mark.slow
def test_make_new_looks_at_a_model_that_needs_a_package(clone: Clone) -> None:
    clone.requirements.write_text("endpoint-toy\n")
    found = clone.make("new", "MODEL=own/model.py", "REQUIREMENTS=own/requirements.txt")
    assert found.returncode == 0, found.stderr
    model = yaml.safe_load((clone.root / "own" / "model.yaml").read_text())["model"]
    assert model["requirements"] == str(clone.requirements)
    assert model["outputs"] == [{"name": "output", "dtype": "FP32", "dims": [3]}]
    Project(clone.root).snakemake("-n", configfiles=("own/model.yaml",))
