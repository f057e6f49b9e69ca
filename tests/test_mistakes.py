"""What a new user gets wrong, at make and at the commands: one line with a hint, no traceback, and an exit code.

tests/data/mistakes.txt has the mistakes in a configuration.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, Programs, Project
from serve import server

MAKE = ("make", "-s", "-o", ".venv/.main", "-o", ".venv-model-analyzer/.done")
SEVEN = "docs/images/seven.png"
MODEL = """
def build():
    from torch import nn

    return nn.Linear(4, 2)
"""


@pytest.fixture(scope="module")
def place(project: Project) -> Project:
    """The project, with files that are wrong."""
    files = {
        "broken.yaml": "run: mine\nsweep:\n  repeats: [1\n",
        "list.yaml": "- run\n",
        "twice.yaml": "sweep:\n  repeats: 1\n  window_ms: 500\n  repeats: 2\n",
        "two.yaml": "variants: [onx]\nserver: bundle\n",
        "no_example.py": MODEL,
    }
    for name, text in files.items():
        (project.root / name).write_text(text)
    return project


# The targets and variables of make, and what the line says.
AT_MAKE = [
    ("perf_report CONFIG=absent.yaml", "configuration absent.yaml does not exist. Hint: correct CONFIG=path/to/"),
    (
        "perf_report CONFIG=broken.yaml",
        "configuration broken.yaml:4: expected ',' or ']', but got '<stream end>'. Hint: ",
    ),
    ("perf_report CONFIG=list.yaml", "configuration list.yaml is not a YAML mapping. Hint: "),
    ("perf_report CONFIG=twice.yaml", "configuration twice.yaml:4: repeats is given twice. Hint: "),
    ("tune CONFIG=config/mnist.yaml+twice.yaml", "configuration twice.yaml:4: repeats is given twice. Hint: "),
    ("serve CONFIG=config/mnist.yaml+twice.yaml", "configuration twice.yaml:4: repeats is given twice. Hint: "),
    ("serve CONFIG=absent.yaml", "configuration absent.yaml does not exist. Hint: correct CONFIG=path/to/"),
    ("serve CONFIG=broken.yaml", "configuration broken.yaml:4: "),
    ("compare", "BASE= is empty. Hint: "),
    ("compare BASE=absent.json", "artifacts/mnist/report/perf_summary.json does not exist. Hint: "),
    ("new", "MODEL= is empty. Hint: "),
    ("new MODEL=absent.py", "absent.py is no file. Hint: MODEL=path/to/model.py"),
    ("new MODEL=no_example.py", "no_example.py has no function example. Hint: "),
    ("serve VARIANT=onx", "VARIANT= cannot be onx. Hint: did you mean onnx?"),
    ("serve PORT=many", "PORT= is many, not a whole number. Hint: "),
    ("demo PORT=99999", "port 99999 (page) does not exist. Hint: choose another: PORT=9000"),
    ("ask IMAGE=", "IMAGE= is empty. Hint: "),
    ("ask IMAGE=absent.png", "absent.png does not exist. Hint: IMAGE=path/to/image.png"),
    ("ask PROTOCOL=gprc", "PROTOCOL= cannot be gprc. Hint: did you mean grpc?"),
    ("ask PORT=99999", "localhost:99999 is not an address. Hint: "),
    ("ask PORT={closed}", "no server answers at localhost:{closed} over http. Hint: start one: make serve "),
    ("ask PORT={grpc}", "localhost:{grpc} speaks grpc, not http. Hint: PROTOCOL=grpc for this port"),
    ("ask PORT={http} PROTOCOL=grpc", "localhost:{http} speaks http, not grpc. Hint: PROTOCOL=http for this port"),
    ("ask PORT={http} MODEL=absent", "the server says: Request for unknown model: 'absent' is not found. Hint: "),
    (
        "evaluate RUN=absent DATASET=x.npz",
        "artifacts/absent/model/model.pt does not exist. Hint: make perf_report",
    ),
    ("verify", "artifacts/mnist/provenance/manifest.json does not exist. Hint: make perf_report"),
]


@pytest.fixture(scope="module")
def ports(null_server: server.Server) -> dict[str, int]:
    """Where a server speaks HTTP and gRPC, and where none does."""
    running = null_server.ports
    return {"http": running.http, "grpc": running.grpc, "closed": server.free_ports().http}


@pytest.mark.parametrize(("typed", "said"), AT_MAKE, ids=[typed for typed, _ in AT_MAKE])
def test_at_make(place: Project, ports: dict[str, int], typed: str, said: str) -> None:
    words = [word.replace("+", " ") for word in typed.format_map(ports).split()]
    # Its environment lies elsewhere.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": os.environ["HOME"]}
    found = subprocess.run(
        [*MAKE, *words], cwd=place.root, env=environment, capture_output=True, text=True, check=False
    )
    lines = [line for line in found.stderr.splitlines() if not line.startswith("make: *** ")]
    assert (found.returncode, found.stdout, len(lines)) == (2, "", 1), found.stderr
    assert lines[0].startswith(f"make {words[0]}: error: ")
    assert said.format_map(ports) in lines[0]
    assert " Hint: " in lines[0]
    assert " --" not in lines[0], "make has variables, not options"


AT_COMMANDS = [
    ("client --image {seven} --port {closed}", "client.py: error: no server answers at localhost:{closed} over http. "),
    ("client --image {seven} --url host", "client.py: error: host is not an address. Hint: write host:port"),
    ("client --image {seven} --port {grpc}", "speaks grpc, not http. Hint: --protocol grpc for this port"),
    ("compare absent.json --base other.json", "compare.py: error: absent.json does not exist. Hint: "),
    ("serve --variant onx", "serve.py: error: --variant cannot be onx. Hint: did you mean onnx?"),
    (
        "serve --configfile absent.yaml --variant onnx",
        "absent.yaml does not exist. Hint: correct --configfile path/to/",
    ),
    ("new --model ", "new.py: error: --model expected one argument. Hint: "),
]


@pytest.mark.parametrize(("typed", "said"), AT_COMMANDS, ids=[typed for typed, _ in AT_COMMANDS])
def test_at_the_commands(place: Project, ports: dict[str, int], command: Programs, typed: str, said: str) -> None:
    names = {**ports, "seven": ROOT / SEVEN}
    found = command.at(place.root)(*typed.format_map(names).split())
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1), found.stderr
    assert said.format_map(names) in found.stderr


@pytest.mark.parametrize(
    ("overlay", "lines"),
    [
        ("twice.yaml", ["configuration twice.yaml:4: repeats is given twice. Hint: merge the two, or remove one"]),
        ("two.yaml", ["config: server: ", "config: variants.0: "]),
    ],
)
def test_at_snakemake(place: Project, overlay: str, lines: list[str]) -> None:
    found = place.snakemake("--cores", "1", configfiles=(overlay,), check=False)
    said = [line for line in found.stderr.splitlines() if not line.startswith(("Using ", "Config file "))]
    assert found.returncode == 1
    assert [line.startswith(start) for line, start in zip(said, lines, strict=True)] == [True] * len(lines), said


@pytest.mark.parametrize("scheme", ["http://", "HTTP://", ""])
def test_address_may_have_a_scheme(null_server: server.Server, command: Programs, scheme: str) -> None:
    """The request arrives: the model has no class scores, but it has an answer."""
    found = command("client", "--image", ROOT / SEVEN, "--json", "--url", f"{scheme}{null_server.http}/")
    assert (found.returncode, found.stderr) == (0, "")
