"""Serving in the foreground: what it prints works as it stands, Ctrl-C stops it cleanly, its errors are one line."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from conftest import FULL, ROOT, Project
from processes import Foreground, named
from serve import server
from serve.variants import VARIANTS

SERVE = (sys.executable, "-m", "commands.serve", "--configfile", FULL)
READY = "Ctrl-C stops it."


def three_ports() -> int:
    """The first of three ports in a row that are free at this moment."""
    return next(
        first
        for first in (server.free_ports().http for _ in range(100))
        if first < 2**16 - 3 and all(server.is_free(first + offset) for offset in range(3))
    )


def printed_commands(running: Foreground) -> list[str]:
    return re.findall(r"^  (curl .+)$", running.output, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["openvino", "bls", "pytriton"])
def test_printed_commands_work_as_they_stand(served_run, needs, variant):
    needs("curl")
    port = three_ports()
    with Foreground([*SERVE, "--variant", variant, "--port", str(port)], served_run.root, terminal=True) as running:
        running.wait_for_output(READY)
        model = "MnistInfer" if variant == "pytriton" else f"mnist_{variant}"
        assert re.search(rf"^Triton serves {model}(, mnist_openvino)?$", running.output, re.MULTILINE)
        for name, url in {"HTTP": f"http://127.0.0.1:{port}", "gRPC": f"127.0.0.1:{port + 1}"}.items():
            assert re.search(rf"^  {name} +{url}$", running.output, re.MULTILINE)
        metrics = re.search(r"^  metrics (\S+)$", running.output, re.MULTILINE)[1]
        assert "nv_inference_request_success" in requests.get(metrics, timeout=30).text
        ready, metadata, infer, stats = [
            subprocess.run(command, shell=True, cwd=served_run.root, capture_output=True, text=True, check=True).stdout
            for command in printed_commands(running)
        ]
        assert ready == "200\n"
        described = json.loads(metadata)
        assert described["name"] == model
        answer = json.loads(infer)
        assert [one["name"] for one in answer["outputs"]] == [one["name"] for one in described["outputs"]]
        (counted,) = json.loads(stats)["model_stats"]
        assert (counted["name"], counted["inference_stats"]["success"]["count"] > 0) == (model, True)
        running.stop_cleanly(python=variant != "openvino")


@pytest.mark.slow
def test_interrupt_without_a_terminal(served_run):
    """What a program sends that started it, and what Ctrl-C sends to a pipeline."""
    command = [*SERVE, "--variant", "null", "--port", str(three_ports())]
    with Foreground(command, served_run.root, terminal=False) as running:
        running.wait_for_output(READY)
        running.stop_cleanly(python=False)


@pytest.mark.slow
def test_make_on_a_terminal(served_run):
    """Ctrl-C reaches serve.py alone, and make takes its end for what it is: a success."""
    # The environment exists already, elsewhere: -o tells make to take it as it is.
    command = ["make", "-o", ".venv/.main", "serve", "VARIANT=null", f"PORT={three_ports()}", f"CONFIG={FULL}"]
    with Foreground(command, served_run.root, terminal=True) as running:
        running.wait_for_output(READY)
        running.stop_cleanly(python=False)
        assert "make: ***" not in running.output


@pytest.mark.slow
def test_all_variants_in_one_server(served_run):
    port = three_ports()
    with Foreground([*SERVE, "--all", "--port", str(port)], served_run.root, terminal=True) as running:
        running.wait_for_output(READY)
        variants = yaml.safe_load((ROOT / FULL).read_text())["variants"]
        expected = {f"mnist_{name}" for name in variants if VARIANTS[name].kind != "pytriton"}
        models = re.search(r"^Triton serves (.+)$", running.output, re.MULTILINE)[1].split(", ")
        assert set(models) == expected | {"mnist_ensemble_prepare", "mnist_ensemble_interpret"}
        for model in models:
            assert requests.get(f"http://127.0.0.1:{port}/v2/models/{model}/ready", timeout=30).status_code == 200
        assert len(named(running.mark, "tritonserver")) == 1
        running.stop_cleanly()


@pytest.fixture
def refused(project: Project, command):
    """Run serve.py with a mistake, where nothing has been built: its one line on stderr."""

    def run(*arguments: str) -> str:
        found = command.at(project.root)("serve", *arguments)
        assert (found.returncode, found.stdout) == (2, "")
        assert len(found.stderr.splitlines()) == 1, found.stderr
        # Nothing was started: Snakemake would have made its directory.
        assert not (project.root / "artifacts" / "mnist" / "repository").exists()
        return found.stderr.strip()

    return run


@pytest.mark.parametrize(("offset", "name"), [(0, "http"), (1, "grpc"), (2, "metrics")])
def test_port_taken(refused, offset, name):
    port = three_ports()
    with socket.create_server((server.HOST, port + offset)):
        message = refused("--variant", "openvino", "--port", str(port))
    hint = "choose another: --port 9000; or stop what listens there"
    assert message == f"serve.py: error: port {port + offset} ({name}) is taken. Hint: {hint}"


def test_port_beyond_the_last(refused):
    assert "port 65536 (grpc) does not exist. Hint: " in refused("--variant", "openvino", "--port", "65535")


@pytest.mark.parametrize(
    ("variant", "overlay", "message"),
    [
        (
            "tensorrt",
            "serving: {device: cuda}",
            "config: server: bundled cannot serve tensorrt. Hint: ",
        ),
        ("tensorrt_rtx", "{}", "config: serving.device: tensorrt_rtx cannot run on cpu, only on cuda. Hint: "),
        ("onnx", "server: native", "server: native, but tritonserver is not in PATH. Hint: "),
    ],
)
def test_variant_that_cannot_be_served(refused, tmp_path: Path, variant, overlay, message):
    path = tmp_path / "overlay.yaml"
    path.write_text(overlay)
    found = refused("--variant", variant, "--port", str(three_ports()), "--configfile", str(path))
    assert found.startswith(f"serve.py: error: {message}")


def test_no_variant(refused):
    assert "no variant given. Hint: --all, or --variant with one of null, " in refused()


def test_configuration_that_is_missing_or_no_mapping(refused, tmp_path: Path):
    port = str(three_ports())
    absent, odd = tmp_path / "absent.yaml", tmp_path / "odd.yaml"
    odd.write_text("- run\n")
    for path, fault in {absent: "does not exist", odd: "is not a YAML mapping"}.items():
        message = refused("--variant", "openvino", "--port", port, "--configfile", str(path))
        assert f"configuration {path} {fault}." in message
