"""A full disk, one that is read-only, little memory, limits of a shell, a second run: one line, nothing written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import DEFAULT, ROOT, Project
from plan.progress import LOCKED

SCRIPTS = ROOT / "workflow" / "scripts"
# What precedes a program, and what it then says; `out` is where its outputs and its log go.
MACHINES = {
    "full disk": ("mount -t tmpfs -o size=64k none out", "No space left on device. Hint: free space there, or "),
    "disk without room for a log": ("mount -t tmpfs -o nr_inodes=1 none out", "No space left on device. Hint: free "),
    "read-only disk": ("mount -t tmpfs -o ro none out", "Read-only file system. Hint: make it writable for this user"),
    "little memory": (
        "export OPENBLAS_NUM_THREADS=1; ulimit -v 250000",
        "out of memory. Hint: free memory, or use fewer CORES or a smaller profile.max",
    ),
    "limit of files": ("ulimit -f 64", "File too large. Hint: allow larger files: ulimit -f unlimited"),
}


def test_second_run_in_a_directory_is_one_line(project: Project) -> None:
    locks = project.root / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    for kind in ("input", "output"):
        (locks / f"0.{kind}.lock").write_text("artifacts/mnist/dataset/train.npz\n")
    try:
        found = project.snakemake("--cores", "1", "artifacts/mnist/dataset/train.npz", check=False)
    finally:
        shutil.rmtree(locks)
    lines = [line for line in found.stderr.splitlines() if not line.startswith("Using ")]
    assert (found.returncode, lines) == (1, [LOCKED])


@pytest.fixture(scope="module")
def mounts() -> tuple[str, ...]:
    """What a shell needs before it to mount. Skips where the kernel does not allow it."""
    found = ("unshare", "--user", "--map-root-user", "--mount")
    if not shutil.which("unshare") or subprocess.run([*found, "mount", "-t", "tmpfs", "none", "/mnt"]).returncode:
        pytest.skip("no mounts in a namespace of a user's own")
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_lack_is_one_line(mounts: tuple[str, ...], tmp_path: Path, name: str) -> None:
    before, said = MACHINES[name]
    (tmp_path / "out").mkdir()
    program = [sys.executable, SCRIPTS / "dataset.py", "--model-file", ROOT / DEFAULT["model"]["file"]]
    outputs = [part for name in ("train", "test") for part in (f"--{name}", f"out/{name}.npz")]
    settings = {"source": "embedded", "options": {"train_size": 4900, "test_size": 100, "seed": 1}}
    arguments = [
        *outputs,
        "--summary",
        "out/dataset.json",
        "--settings",
        json.dumps(settings),
        "--log",
        "out/log/x.log",
    ]
    listed = "code=$?; find out -type f ! -name x.log; exit $code"
    found = subprocess.run(
        [*mounts, "sh", "-c", f'{before} && "$@"; {listed}', "sh", *program, *arguments],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout) == (2, ""), found.stderr
    (line,) = found.stderr.splitlines()
    assert line.startswith("dataset.py: error: ")
    assert said in line
