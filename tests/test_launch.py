"""Who starts the server of a search: one that runs already is searched and proven; docker's configuration is read."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml

from conftest import ANALYZER
from plan.settings.tune import Launch, Search
from processes import wait_for
from program.cli import UserError
from program.process import child
from program.typed import rebuilt
from searches import SEARCH, SETTINGS, TENSORS, begun, command, points, reference
from serve import docker, install, modelconfig, remote, server
from serve import repository as repositories
from tuning import analyzer, launch, space


@dataclass(frozen=True)
class Running:
    """A server that serves a repository and has loaded nothing."""

    launch: dict[str, str]
    log: Path

    def loads(self) -> int:
        """How often it has loaded a model."""
        return self.log.read_text().count("successfully loaded 'small'")

    def get(self, path: str) -> requests.Response:
        return requests.get(f"http://{self.launch['http']}/v2/{path}", timeout=5)


def started(repository: Path, directory: Path, *flags: str) -> Iterator[Running]:
    """The bundled server with further flags, as another person may have started it."""
    ports = server.free_ports()
    parts = install.bundled(directory)
    given = [f"--{name}-port={port}" for name, port in vars(ports).items()]
    own = [f"--{name}-address={server.HOST}" for name in vars(ports)]
    options = [f"--model-repository={repository}", f"--backend-directory={parts.backend_directory}", *flags]
    endpoints = {"http": f"{server.HOST}:{ports.http}", "grpc": f"{server.HOST}:{ports.grpc}"}
    running = Running(
        {"mode": "remote", **endpoints, "metrics": f"http://{server.HOST}:{ports.metrics}/metrics"},
        directory / "triton.log",
    )
    with running.log.open("wb") as output, child([parts.binary, *given, *own, *options], output, env=parts.env):
        wait_for(lambda: "Started Metrics Service" in running.log.read_text(), "the server")
        yield running


@pytest.fixture(scope="module")
def elsewhere(null_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with explicit model control."""
    yield from started(null_repository, tmp_path_factory.mktemp("server"), "--model-control-mode=explicit")


@pytest.mark.slow
def test_search_on_a_server_that_runs_already(elsewhere, null_repository, tmp_path):
    before = elsewhere.loads()
    search = SEARCH | {"queue_delays_us": [100], "concurrencies": [2]}
    found = subprocess.run(
        command(tmp_path, null_repository, launch=elsewhere.launch, search=search),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    expected = [("small_config_0", "2"), ("small_config_default", "2")]
    assert sorted(points(tmp_path)) == sorted(begun(tmp_path)) == expected
    # Once for the check, once for each configuration; no server was started beside it, and nothing stays loaded.
    assert elsewhere.loads() == before + 1 + len(expected)
    assert not (tmp_path / "server.log").exists()
    assert not elsewhere.get("models/small/ready").ok
    searched = modelconfig.parse((tmp_path / "configs" / "small_config_0.pbtxt").read_text())
    assert space.described(searched)["queue_delay_us"] == 100


@pytest.mark.slow
def test_proof_on_a_server_that_runs_already(elsewhere, null_repository, script, tmp_path):
    row = {"batch_size": 1, "concurrency": 2}
    (tmp_path / "candidate.json").write_text(json.dumps({"differs": True, "winner": row, "default": row}))
    before = elsewhere.loads()
    found = script(
        "tune_proof.py", "--repository", null_repository, "--candidate", null_repository,
        "--record", "candidate.json", "--reference", reference(tmp_path), "--server-log", "server.log",
        "--raw", "raw", "--proof", "proof.csv",
        settings={"server": "bundled", "launch": elsewhere.launch, "rounds": 2, **TENSORS},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert len((tmp_path / "proof.csv").read_text().splitlines()) == 1 + 4
    assert elsewhere.loads() == before + 4
    assert not (tmp_path / "server.log").exists()


def test_loaded_model_has_the_given_configuration(elsewhere, null_repository):
    (config,) = repositories.configs(null_repository)
    config.dynamic_batching.max_queue_delay_microseconds = 321
    with remote.loaded(elsewhere.launch["grpc"], config):
        served = elsewhere.get("models/small/config").json()
    assert served["dynamic_batching"]["max_queue_delay_microseconds"] == 321
    assert not elsewhere.get("models/small/ready").ok


def test_model_that_the_server_does_not_have(elsewhere, null_repository):
    (config,) = repositories.configs(null_repository)
    config.name = "absent"
    with pytest.raises(UserError, match=r"did not load absent: .* Hint: .*explicit on a copy of the variant's repo"):
        enter(remote.loaded(elsewhere.launch["grpc"], config))


@pytest.mark.slow
def test_server_without_explicit_control_is_refused(null_repository, tmp_path):
    (config,) = repositories.configs(null_repository)
    for running in started(null_repository, tmp_path):
        with pytest.raises(UserError, match=r"did not load small: .*not allowed.* Hint: start it with --model-control"):
            enter(remote.loaded(running.launch["grpc"], config))


def enter(context: AbstractContextManager[None]) -> None:
    with context:
        pass


@pytest.mark.parametrize("endpoint", ["http", "grpc", "metrics"])
def test_endpoint_that_does_not_answer_is_named(elsewhere, endpoint):
    closed = f"{server.HOST}:{server.free_ports().http}"
    wrong = elsewhere.launch | {endpoint: f"http://{closed}/metrics" if endpoint == "metrics" else closed}
    with pytest.raises(UserError) as refused:
        remote.require(wrong)
    assert str(refused.value).startswith(f"config: tune.remote.{endpoint}: {wrong[endpoint]} is not reachable (")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overlay", "error"),
    [
        (
            {"tune": {"launch": "remote", "remote": {"http": "localhost:1"}}},
            r"config: tune\.remote\.http: localhost:1 is not reachable \(ConnectionError\)\. Hint: start Triton .*",
        ),
        (
            {"server": "native", "variants": ["onnx"], "tune": {"launch": "docker", "variants": ["onnx"]}},
            r"config: tune\.launch: docker is not in PATH\. Hint: install docker, or choose local or remote",
        ),
    ],
)
def test_missing_server_is_said_before_the_first_job(project, tmp_path, overlay, error, monkeypatch):
    path = tmp_path / "overlay.yaml"
    # It has to be there, and is not asked.
    overlay["tune"]["model_analyzer"] = sys.executable
    path.write_text(yaml.safe_dump({"run": "elsewhere", "serving": {"inner": "onnx"}, **overlay}))
    monkeypatch.setenv("PATH", os.pathsep.join(without_docker()))
    found = project.snakemake("--cores", "2", "tune", configfiles=(path,), check=False)
    assert found.returncode == 1
    assert re.search(rf"\n{error}\n$", found.stderr), found.stderr
    assert not (project.root / "artifacts" / "elsewhere").exists()


def without_docker() -> list[str]:
    """The directories of PATH that have no docker."""
    return [part for part in os.environ["PATH"].split(os.pathsep) if not (Path(part) / "docker").exists()]


IMAGE = "nvcr.io/nvidia/tritonserver:26.07-py3"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["local", "docker", "remote"])
def test_model_analyzer_reads_what_is_written_for_it(null_repository, tmp_path, mode):
    """Model Analyzer's own parser, with its defaults and its checks."""
    (base,) = repositories.configs(null_repository)
    remotely = {"http": "gpu:8000", "grpc": "gpu:8001", "metrics": "http://gpu:8002/metrics"}
    known = {"local": {}, "docker": {"image": IMAGE}, "remote": remotely}
    settings = rebuilt(Search, SETTINGS)
    given = launch.configuration(Launch(mode, **known[mode]), tmp_path, "bundled")
    repositories.copy(null_repository, tmp_path / "models")
    profile = space.model_profile(base, settings)
    config = analyzer.configuration(tmp_path, "small", profile, settings.windows) | given | space.ranges(settings)
    (tmp_path / "model_analyzer.yaml").write_text(yaml.safe_dump(config))
    found = subprocess.run(
        [ANALYZER.parent / "python", "-c", PARSER], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    read = json.loads(found.stdout.splitlines()[-1])
    assert {key: read[key] for key in given} == given
    assert read["triton_launch_mode"] == mode
    assert read["reload_model_disable"] is False


PARSER = """
import json, sys
from model_analyzer.entrypoint import get_cli_and_config_options
sys.argv = ["model-analyzer", "profile", "--config-file", "model_analyzer.yaml"]
_, config = get_cli_and_config_options()
print(json.dumps(config.get_all_config(), default=str))
"""


def test_container_that_was_left_is_removed(tmp_path, monkeypatch):
    """What docker is asked for; a program of that name says that one container with the label is left."""
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$@" >> "$0.asked"\n[ "$1" != ps ] || echo c0ffee\n')
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    given = Launch("docker", image=IMAGE)
    ((name, value),) = launch.configuration(given, tmp_path / "search", "native")["triton_docker_labels"].items()
    enter(launch.available(given, tmp_path / "search"))
    asked = (tmp_path / "docker.asked").read_text().splitlines()
    assert asked == ["version", f"ps --all --quiet --filter label={name}={value}", "rm --force c0ffee"]


def test_docker_that_does_not_answer(tmp_path, monkeypatch):
    said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    (tmp_path / "docker").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(UserError, match=r"config: tune.launch: docker does not answer: Cannot connect .* Hint: "):
        docker.require()
