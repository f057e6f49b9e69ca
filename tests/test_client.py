"""The client against real servers: it answers what PyTorch answers, and says in one line what is wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import client
from commands import serve as serving
from conftest import ROOT, Programs, Project
from model.interface import load_checkpoint
from serve import server
from serve.repository import together

SEVEN = ROOT / "docs" / "images" / "seven.png"
DEMO = ("--model", "MnistInfer", "--input-name", "image", "--output-name", "predictions")
MODELS = [
    pytest.param("triton", ("--model", "mnist_openvino"), id="openvino"),
    pytest.param("triton", ("--model", "mnist_bls"), id="bls-raw"),
    pytest.param("triton", ("--model", "mnist_bls", "--input-name", "encoded"), id="bls-encoded"),
    pytest.param("triton", ("--model", "mnist_ensemble"), id="ensemble"),
    pytest.param("pytriton", DEMO, id="demo's flags"),
]


@pytest.fixture(scope="module")
def servers(served_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, server.Server]]:
    """One Triton with openvino, bls and ensemble, and one PyTriton server."""
    repositories = served_run.root / "artifacts" / "test" / "repository"
    logs = tmp_path_factory.mktemp("logs")
    with (
        together([repositories / name for name in ("openvino", "bls", "ensemble")]) as merged,
        server.running(merged, server.models(merged), logs / "triton.log") as triton,
        server.running(repositories / "pytriton", ["MnistInfer"], logs / "pytriton.log") as pytriton,
    ):
        yield {"triton": triton, "pytriton": pytriton}


@pytest.fixture(scope="module")
def label(served_run: Project) -> int:
    """What PyTorch says of the sample: two epochs may be too few to read it, so that it need not be 7."""
    module, source = load_checkpoint(served_run.root / "artifacts" / "test" / "model" / "model.pt")
    import torch

    (batch,) = source.prepare(source.decode(SEVEN.read_bytes())[None]).values()
    with torch.inference_mode():
        return int(module(torch.from_numpy(batch)).argmax())


def url(running: server.Server, protocol: str) -> tuple[str, ...]:
    return ("--protocol", protocol, "--url", getattr(running, protocol))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize(("kind", "flags"), MODELS)
def test_answer(servers, command: Programs, label, protocol, kind, flags):
    found = command("client", "--image", SEVEN, *flags, *url(servers[kind], protocol))
    assert (found.returncode, found.stderr) == (0, "")
    shown = found.stdout.split()
    assert (shown[0], shown[-1]) == (str(label), f"{flags[1]})")


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_image_is_enough_where_one_model_is_served(servers, command: Programs, label, protocol):
    found = command("client", "--image", SEVEN, *url(servers["pytriton"], protocol))
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"{label}  (probability ")


def test_default_ports_are_those_of_serve():
    port = serving.arguments().get_default("port")
    assert (client.PORTS["http"], client.PORTS["grpc"]) == (port, port + 1)


@pytest.mark.parametrize(("kind", "flags"), MODELS)
def test_json(servers, command: Programs, label, kind, flags):
    found = command("client", "--image", SEVEN, "--json", *flags, *url(servers[kind], "grpc"))
    answer = json.loads(found.stdout)
    assert set(answer) == {"label", "probability", "model", "milliseconds"}
    assert (answer["label"], answer["model"]) == (label, flags[1])
    assert 0.1 < answer["probability"] <= 1
    assert answer["milliseconds"] > 0


def refused(command: Programs, *arguments: str | Path) -> str:
    """The one line on stderr with which the client ends."""
    found = command("client", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    return line


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_server_is_away(command: Programs, protocol):
    port = server.free_ports().http
    line = refused(command, "--image", SEVEN, "--protocol", protocol, "--url", f"127.0.0.1:{port}")
    assert line.startswith(f"client.py: error: no server answers at 127.0.0.1:{port} over {protocol}. Hint: start one")


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_wrong_names(servers, command: Programs, protocol):
    given = ("--image", SEVEN, *url(servers["triton"], protocol))
    line = refused(command, *given, "--model", "absent")
    assert line.startswith("client.py: error: the server says: Request for unknown model: 'absent' is not found")
    model = ("--model", "mnist_openvino")
    line = refused(command, *given, *model, "--input-name", "picture")
    assert line == "client.py: error: the model has no input picture. Hint: it has input"
    line = refused(command, *given, *model, "--output-name", "answer")
    assert line == "client.py: error: the model has no output answer. Hint: it has output"


def test_several_models(servers, command: Programs):
    line = refused(command, "--image", SEVEN, *url(servers["triton"], "http"))
    assert line == (
        "client.py: error: the server has the models mnist_bls, mnist_ensemble, mnist_ensemble_interpret, "
        "mnist_ensemble_prepare, mnist_openvino. Hint: choose one: --model mnist_bls"
    )


@pytest.mark.parametrize(("kind", "flags"), MODELS)
def test_not_an_image(servers, command: Programs, tmp_path: Path, kind, flags):
    text = tmp_path / "text.png"
    text.write_text("no image")
    line = refused(command, "--image", text, *flags, *url(servers[kind], "http"))
    assert "not an image that can be read" in line


def test_file_is_missing(command: Programs, tmp_path: Path):
    line = refused(command, "--image", tmp_path / "absent.png")
    assert line.startswith(f"client.py: error: {tmp_path / 'absent.png'} does not exist. Hint: ")
