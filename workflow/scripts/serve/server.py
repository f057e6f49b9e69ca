"""A Triton server that lives inside one job."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from program.cli import UserError, log
from program.environment import require_files, require_socket, require_temporary
from program.files import read_json
from program.process import GOES_ON, child, ended
from program.temporary import scratch
from serve import install
from serve.repository import PYTRITON, configs

HOST = "127.0.0.1"
# Triton reads a GPU's figures this often, so that a short window of a sweep has several.
METRICS_INTERVAL_MS = 200
_START_ATTEMPTS = 3
# What runs below a server. Nobody waits for them, so that one that has ended stays as a zombie.
# The kernel keeps 15 letters of its name.
_PARTS = {"triton_python_b", "tritonserver"}
_TAIL_LINES = 20


@dataclass(frozen=True)
class Ports:
    """TCP ports of one server, all on the loopback interface."""

    http: int
    grpc: int
    metrics: int


@dataclass(frozen=True)
class Server:
    """A running server."""

    ports: Ports
    log_file: Path
    process: subprocess.Popen[bytes]

    @property
    def http(self) -> str:
        return f"{HOST}:{self.ports.http}"

    @property
    def grpc(self) -> str:
        return f"{HOST}:{self.ports.grpc}"

    @property
    def metrics(self) -> str:
        return f"{HOST}:{self.ports.metrics}/metrics"

    def require_alive(self) -> None:
        """Raises UserError when the server has ended, or the process of a model: Triton still calls that one ready."""
        hint = f"see {self.log_file}; {GOES_ON}"
        if (code := self.process.poll()) is not None:
            raise UserError(f"Triton {ended(code)} while it served.", hint)
        for one in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if one.name() in _PARTS and one.status() == psutil.STATUS_ZOMBIE:
                    raise UserError("a process that runs a model for Triton ended while it served.", hint)


class PortTaken(Exception):
    """Another process took a port after it was found free."""


def is_free(port: int) -> bool:
    """Whether a server can listen on this port of the loopback interface."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports() -> Ports:
    """Three ports that are free at this moment."""
    sockets = [socket.socket() for _ in range(3)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return Ports(*(one.getsockname()[1] for one in sockets))
    finally:
        for one in sockets:
            one.close()


@contextmanager
def running(
    repository: Path,
    models: Sequence[str],
    log_file: Path,
    timeout: float = 300.0,
    ports: Ports | None = None,
    kind: str = "bundled",
) -> Iterator[Server]:
    """A server for a repository (Triton's or PyTriton's), until the block ends. It yields when all `models` are ready.

    `timeout` is in seconds. Without `ports` it uses free ones. `kind` is `server` of the config; a PyTriton server has
    its own Triton. Raises UserError with the end of the server's log, which stays in `log_file`.
    """
    for attempt in range(1, _START_ATTEMPTS + 1):
        try:
            with _started(repository, log_file, ports or free_ports(), kind) as server:
                _wait_until_ready(server, models, timeout)
                yield server
                return
        except PortTaken:
            log.debug("attempt %d: another program took a port", attempt)
    raise UserError(f"no free ports on {HOST} after {_START_ATTEMPTS} attempts; see {log_file}.")


def models(repository: Path) -> list[str]:
    """The names of the models in a repository, Triton's or PyTriton's."""
    description = repository / PYTRITON
    if description.exists():
        return [read_json(description)["name"]]
    return [config.name for config in configs(repository)]


@contextmanager
def _started(repository: Path, log_file: Path, ports: Ports, kind: str) -> Iterator[Server]:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    require_temporary()
    require_files()
    with scratch() as directory:
        if (repository / PYTRITON).exists():
            command, env = _pytriton(repository, ports, directory)
        else:
            parts = (install.native if kind == "native" else install.bundled)(directory)
            command, env = _triton(parts, repository, ports, directory), parts.env
        with log_file.open("wb") as output, child(command, output, env=env) as process:
            yield Server(ports, log_file, process)


def _triton(parts: install.Install, repository: Path, ports: Ports, directory: Path) -> list[str | Path]:
    """The command of a Triton on the loopback interface. It does not log requests, and a bad model is fatal."""
    # Links, so that Python writes its __pycache__ beside them and not into the repository.
    served = shutil.copytree(repository.resolve(), directory / "repository", copy_function=os.symlink)
    return [
        parts.binary,
        f"--model-repository={served}",
        f"--backend-directory={parts.backend_directory}",
        f"--http-address={HOST}",
        f"--grpc-address={HOST}",
        f"--metrics-address={HOST}",
        f"--http-port={ports.http}",
        f"--grpc-port={ports.grpc}",
        f"--metrics-port={ports.metrics}",
        f"--metrics-interval-ms={METRICS_INTERVAL_MS}",
        "--log-verbose=0",
        "--exit-timeout-secs=5",
        f"--backend-config=python,shm-region-prefix-name={directory.name}",
    ]


def _pytriton(repository: Path, ports: Ports, directory: Path) -> tuple[list[str | Path], dict[str, str]]:
    """The command and environment of a PyTriton server, which unpacks its Triton in `directory`."""
    script = Path(__file__).parents[1] / "pytriton_server.py"
    # The longest of its sockets' names.
    name = read_json(repository / PYTRITON)["name"]
    workspace = directory.resolve() / "workspace"
    require_socket(workspace / f"{name}_0_0-server.sock")
    command: list[str | Path] = [
        *(sys.executable, script, "--directory", repository.resolve()),
        *("--workspace", workspace, "--shared-memory", directory.name),
        *("--http-port", str(ports.http), "--grpc-port", str(ports.grpc), "--metrics-port", str(ports.metrics)),
    ]
    return command, install.pytriton_environment(directory)


def _wait_until_ready(server: Server, models: Sequence[str], timeout: float) -> None:
    """Wait until the models are ready; the server itself reports "ready" earlier."""
    deadline = time.monotonic() + timeout
    waiting = list(models)
    while waiting:
        if server.process.poll() is not None:
            text = server.log_file.read_text(errors="replace")
            if "already in use" in text:
                raise PortTaken
            raise UserError(_failure(server, ended(server.process.returncode)))
        if time.monotonic() > deadline:
            raise UserError(_failure(server, f"was not ready with {waiting[0]} after {timeout:.0f} s"))
        if _model_ready(server, waiting[0]):
            waiting.pop(0)
        else:
            time.sleep(0.1)


def _model_ready(server: Server, model: str) -> bool:
    try:
        return requests.get(f"http://{server.http}/v2/models/{model}/ready", timeout=5).ok
    except requests.RequestException:
        return False


def _failure(server: Server, what: str) -> str:
    return f"Triton {what}; its log is {server.log_file} and ends with:\n{tail(server.log_file)}"


# What a native backend does otherwise than configured (torch_cuda.cpp).
_REMARK = re.compile(r'CUDA graphs are off for [^"\n]+')


def remarks(path: Path) -> list[str]:
    """What a server's log says that its models do otherwise than they were configured, each once."""
    return list(dict.fromkeys(_REMARK.findall(path.read_text(errors="replace"))))


# Information and tables, which Triton prints after a model's error.
_NOISE = re.compile(r"I\d{4} |[+|][- ]|\s*$")


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """The last `lines` of a server's log, without information and tables."""
    return "\n".join(
        [line for line in path.read_text(errors="replace").splitlines() if not _NOISE.match(line)][-lines:]
    )
