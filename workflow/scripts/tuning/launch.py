"""Who starts the server that is searched and proven: this machine, docker, or nobody, as it runs already.

Model Analyzer gives every configuration to the server as it loads the model, so in each
mode the server reads one repository, and needs explicit model control.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plan.settings.tune import Launch
from serve import docker, install, remote, server
from serve import repository as repositories
from tuning import analyzer

# The label of the containers of one search, by which they are found when Model Analyzer was killed.
_LABEL = "triton-endpoints-search"


def configuration(launch: Launch, directory: Path, kind: str) -> dict[str, Any]:
    """The part of Model Analyzer's configuration that says where its server is. `kind`: as `server` of the config."""
    parts = {"local": _local, "docker": _docker, "remote": _remote}
    return {"triton_launch_mode": launch.mode, **parts[launch.mode](launch, directory.resolve(), kind)}


@contextmanager
def available(launch: Launch, directory: Path) -> Iterator[None]:
    """Have a server for the search in `directory`, whose models/ holds what it starts from, until the block ends.

    Raises UserError, before anything is measured, when there is no docker or the server that runs already does not
    serve that model. What Model Analyzer leaves behind is removed: it ends with the last model loaded and, when it was
    killed, with its container running.
    """
    if launch.mode == "remote":
        remote.require(vars(launch))
        (config,) = repositories.configs(directory / "models")
        with remote.loaded(launch.grpc, config):
            yield
        return
    if launch.mode == "docker":
        docker.require()
    try:
        yield
    finally:
        if launch.mode == "docker":
            docker.remove(f"{_LABEL}={directory.name}")


@contextmanager
def serving(launch: Launch, repository: Path, protocol: str, log_file: Path, kind: str) -> Iterator[tuple[str, str]]:
    """Serve the one model in a repository as its config.pbtxt says; yields its name, and the address for `protocol`.

    On this machine with a new server, whose log is `log_file`; a server that runs elsewhere loads its own files with
    that configuration.
    """
    (config,) = repositories.configs(repository)
    if launch.mode == "remote":
        with remote.loaded(launch.grpc, config):
            yield config.name, {"grpc": launch.grpc, "http": launch.http}[protocol]
    else:
        with server.running(repository, [config.name], log_file, kind=kind) as running:
            yield config.name, {"grpc": running.grpc, "http": running.http}[protocol]


def _local(_launch: Launch, directory: Path, kind: str) -> dict[str, Any]:
    triton = (install.native if kind == "native" else install.bundled)(directory / "triton")
    return {
        "triton_server_path": str(analyzer.wrapper(directory / "tritonserver", triton.binary, triton.env)),
        **_own_ports(directory),
        "triton_server_flags": {
            "backend-directory": str(triton.backend_directory),
            "http-address": server.HOST,
            "grpc-address": server.HOST,
            "metrics-address": server.HOST,
            "backend-config": f"python,shm-region-prefix-name={directory.name}",
            "exit-timeout-secs": "3",
        },
    }


def _docker(launch: Launch, directory: Path, _kind: str) -> dict[str, Any]:
    """In a container the server has its own loopback interface and its image's backends."""
    return {
        "triton_docker_image": launch.image,
        "triton_docker_labels": {_LABEL: directory.name},
        **_own_ports(directory),
        "triton_server_flags": {"exit-timeout-secs": "3"},
    }


def _remote(launch: Launch, _directory: Path, _kind: str) -> dict[str, Any]:
    """Without DCGM: the GPUs of this machine are not those of the server."""
    return {
        "triton_http_endpoint": launch.http,
        "triton_grpc_endpoint": launch.grpc,
        "triton_metrics_url": launch.metrics,
        "dcgm_disable": True,
    }


def _own_ports(directory: Path) -> dict[str, str]:
    """Ports of a server that Model Analyzer starts with explicit model control, and the file for its log."""
    ports = server.free_ports()
    return {
        "triton_output_path": str(directory / "triton.log"),
        "triton_http_endpoint": f"{server.HOST}:{ports.http}",
        "triton_grpc_endpoint": f"{server.HOST}:{ports.grpc}",
        "triton_metrics_url": f"http://{server.HOST}:{ports.metrics}/metrics",
    }
