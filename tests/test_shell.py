"""What a person's shell has set: harmless for a server and what asks it, or refused in one line before it starts."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from conftest import ROOT
from program import environment
from program.errors import UserError
from serve import server

SCRIPTS = ROOT / "workflow" / "scripts"
# Starts a server as the rules' scripts do, asks it by every client that the workflow has, and says what it runs in.
PROGRAM = """
import argparse, json, os, sys
from pathlib import Path

import numpy as np
import psutil

from plan.loads import Load, Windows
from program import cli
from record import perf_analyzer
from serve import server
from serve.endpoint import connected

def main(options):
    data = Path("data.json")
    data.write_text(json.dumps({"data": [{"input": {"content": [0.0] * 784, "shape": [1, 28, 28]}}]}))
    load, windows = Load("http", 1, 1), Windows(100, 1000.0, 3, 1)
    Path("raw").mkdir()
    Path("links").mkdir()
    with server.running(Path(sys.argv[1]), ["small"], Path("triton.log"), timeout=60) as running:
        shapes = []
        for protocol in ("grpc", "http"):
            with connected(running, protocol, "small") as one:
                shapes += [list(one.infer({"input": np.zeros((2, 1, 28, 28), np.float32)}, ["output"])[0].shape)]
        arguments = perf_analyzer.command("small", running.http, load, windows, data)
        point = perf_analyzer.measure(arguments, load, Path("raw"), Path("links").resolve(), 60)
        process = psutil.Process(running.process.pid)
        said = {"shapes": shapes, "status": point["status"], "environment": process.environ()}
        print(json.dumps(said | {"cores": len(process.cpu_affinity()), "own": len(os.sched_getaffinity(0))}))

parser = cli.parser("")
parser.add_argument("repository")
cli.run(main, parser)
"""
# Nothing answers at port 9. What PYTHONPATH names would end every Python that reads it.
PROXY = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "grpc_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
THREADS = {"OMP_NUM_THREADS": "1", "OMP_PROC_BIND": "true", "OMP_PLACES": "{0}", "KMP_AFFINITY": "compact"}
LOCALE = {"LC_ALL": "tr_TR.ISO-8859-9", "LANG": "de_DE", "LANGUAGE": "de"}
SHELL = {
    **PROXY,
    "no_proxy": "::1,intranet",
    **THREADS,
    **LOCALE,
    "HOST": "x86_64-conda-linux-gnu",
    "LD_PRELOAD": "/absent/lib.so",
}


def start(directory: Path, repository: Path, env: dict[str, str], *before: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a shell's environment."""
    (directory / "ask.py").write_text(PROGRAM)
    return subprocess.run(
        [*before, sys.executable, "ask.py", repository],
        cwd=directory, env=env, capture_output=True, text=True, check=False, umask=0o077,
    )  # fmt: skip


def test_server_in_a_shell_full_of_settings(null_repository: Path, tmp_path: Path) -> None:
    """All harmless ones at once, with no HOME, umask 077, 64 descriptors at first and a user that has no name."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS), "BASH_ENV": "/absent", **SHELL}
    nameless = ("unshare", "--user", "--map-user=12345")
    can = shutil.which("unshare") and subprocess.run([*nameless, "true"], capture_output=True).returncode == 0
    few = ("sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh")
    found = start(tmp_path, null_repository, env, *(nameless if can else ()), *few)
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    assert said["shapes"] == [[2, 10], [2, 10]]
    assert said["status"] in ("stable", "client_bound")
    assert said["cores"] == said["own"] == len(os.sched_getaffinity(0))
    inside = said["environment"]
    assert not {"PYTHONPATH", "LD_PRELOAD", "BASH_ENV", "OMP_NUM_THREADS", "OMP_PROC_BIND", "KMP_AFFINITY"} & {*inside}
    assert inside["LC_ALL"] == "C.UTF-8"
    assert inside["no_proxy"] == inside["NO_PROXY"] == "::1,intranet,localhost,127.0.0.1"
    assert "ld.so" not in (tmp_path / "triton.log").read_text()


def test_few_descriptors_are_refused(null_repository: Path, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS)}
    found = start(tmp_path, null_repository, env, "sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    said = "ask.py: error: this shell allows 64 open files, and a server needs 512. Hint: ulimit -n 1024\n"
    assert (found.returncode, found.stderr) == (2, said)


def test_proxies_stay_for_other_hosts() -> None:
    env = environment.inherited({"http_proxy": "http://proxy:3128", "NO_PROXY": "intranet,localhost", "PATH": "/bin"})
    assert env["http_proxy"] == "http://proxy:3128"
    assert env["no_proxy"] == env["NO_PROXY"] == "intranet,localhost,127.0.0.1"
    assert "no_grpc_proxy" not in env
    assert environment.inherited({"no_grpc_proxy": "a"})["no_grpc_proxy"] == "a,localhost,127.0.0.1"


def test_what_it_prepares_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake gives each job its number of threads after that."""
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "7", "PATH": "/bin"})
    environment.prepare_environment()
    assert "OMP_NUM_THREADS" not in os.environ
    os.environ["OMP_NUM_THREADS"] = "2"
    environment.prepare_environment()
    assert os.environ["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize("name", ["a b", "a;b", "it's", "$HOME"])
def test_temporary_directory_that_a_shell_takes_apart(null_repository: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS), "TMPDIR": str(tmp_path / name)}
    found = start(tmp_path, null_repository, env)
    said = f"ask.py: error: TMPDIR is {tmp_path / name}, and Triton starts models by a shell that takes such a path"
    assert (found.returncode, found.stderr.count("\n")) == (2, 1), found.stderr
    assert found.stderr.startswith(said)
    assert [*(tmp_path / name).iterdir()] == []


@pytest.mark.slow
def test_temporary_directory_too_long_for_a_socket(
    null_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTriton's, whose names begin with the directory; Triton's own regions have names without it."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    (tmp_path / "pytriton.json").write_text('{"name": "MnistInfer"}')
    with (
        pytest.raises(
            UserError, match=r"MnistInfer_0_0-server\.sock is longer than .* 107 bytes\. Hint: export TMPDIR"
        ),
        server.running(tmp_path, ["MnistInfer"], tmp_path / "triton.log"),
    ):
        pass
    with server.running(null_repository, ["small"], tmp_path / "triton.log") as running:
        assert running.process.poll() is None
    assert [*long.iterdir()] == []


def test_host_of_a_compiler_is_no_address() -> None:
    """conda's compilers set HOST to the name of a target."""
    text = (ROOT / "workflow" / "deploy" / "run.sh.j2").read_text()
    assert "${HOST" not in text
    assert "${TRITON_HOST:-127.0.0.1}" in text
