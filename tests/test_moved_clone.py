"""A clone that moves takes its environment along: programs start from its new place, and from nowhere else."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT

UV = Path(shutil.which("uv") or ROOT / ".venv-uv" / "bin" / "uv")
STAMP = ".venv/.main"


def make(clone: Path) -> str:
    """What make says, with uv in PATH."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment |= {"PATH": f"{UV.parent}:{os.environ['PATH']}"}
    command = ["make", STAMP]
    found = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def where(clone: Path) -> str:
    """Which environment a program of the clone's environment runs in."""
    program = clone / ".venv" / "bin" / "snakemake"
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with an environment that the Makefile made, whose lock has one small package, with a program."""
    root = tmp_path / "old"
    (root / "envs").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", root)
    lock = (ROOT / "envs" / "main.txt").read_text()
    begin = lock.index("\ntqdm==") + 1
    (root / "envs" / "main.txt").write_text(lock[begin : lock.index("\n    # via", begin)] + "\n")
    assert "Installing" in make(root)
    return root


def test_environment_moves_with_its_clone(clone, tmp_path):
    moved = shutil.copytree(clone, tmp_path / "new", symlinks=True)
    shutil.rmtree(clone)
    found = subprocess.run([moved / ".venv/bin/tqdm", "--version"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "up to date" in make(moved)


def test_environment_of_an_earlier_version_is_made_anew(clone, tmp_path):
    """Its programs name their interpreter by its whole path."""
    snakemake = clone / ".venv" / "bin" / "snakemake"
    snakemake.write_text(f"#!{clone}/.venv/bin/python\nimport sys\nprint(sys.prefix)\n")
    snakemake.chmod(0o755)
    # Where it was made it stays as it is, also behind a link.
    assert "up to date" in make(clone)
    (tmp_path / "linked").symlink_to(clone)
    assert "up to date" in make(tmp_path / "linked")
    moved = shutil.copytree(clone, tmp_path / "new", symlinks=True)
    assert where(moved) == str(clone / ".venv")
    assert "Installing" in make(moved)
    assert not (moved / ".venv" / "bin" / "snakemake").exists()
    assert (moved / ".venv" / "bin" / "tqdm").exists()
    assert "up to date" in make(moved)
    assert where(clone) == str(clone / ".venv")
