"""Every kind of file that a run leaves, damaged: its reader names it in one line, and says how it is made again."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from analyse import tables
from conftest import Programs, checks, health
from model import graph, reference
from model.interface import load_checkpoint, split
from parity import torchscript_predict
from plan.loads import Load
from program.cli import UserError
from program.files import read_json, require_content, sha256
from record.points import HEAD_TO_HEAD_COLUMNS, IN_PROCESS_COLUMNS, write
from record.recorded import read_checks, read_health, read_parity
from record.store import Store

LOADS = [Load("grpc", 1, concurrency) for concurrency in (1, 2, 4, 8)]
ENGINE = random.Random(4).randbytes(4096)


def changed(content: bytes) -> bytes:
    """One byte in the middle is another."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def line_missing(content: bytes) -> bytes:
    """The last line is missing."""
    return content[: content[:-1].rindex(b"\n") + 1]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda content: content[: len(content) // 2],
    "nothing": lambda content: b"",
    "noise": lambda content: random.Random(19).randbytes(len(content)),
}
# Where every byte counts: the file, or a record beside it, has its checksum.
WITH_CHECKSUM = ("test.npz", "reference.npz", "model.pt", "model.ts", "model.blob")
TABLES = ("points.csv", "rounds.csv", "in_process.csv")


def graph_with_weights_beside(path: Path) -> None:
    """A graph of 4,000 weights, which lie in weights.bin."""
    weights = numpy_helper.from_array(np.ones((1, 4000), np.float32), "weights")
    tensors = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4000]) for name in ("x", "y")]
    content = helper.make_graph([helper.make_node("Add", ["x", "weights"], ["y"])], "g", *[[one] for one in tensors])
    content.initializer.append(weights)
    model = helper.make_model(content, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)


def engine(path: Path) -> None:
    """As repository, repository_pytriton, repository_native and in_process read an engine."""
    require_content(path, read_json(path.with_name("engine.json"))["sha256"])


def complete(path: Path) -> None:
    """As perf_report reads what was measured."""
    given = {name: path.with_name(name) for name in TABLES}
    files = ([given["points.csv"]], given["rounds.csv"], [given["in_process.csv"]])
    tables.require_complete(*files, loads=4, least=2, batches=2)


READERS: dict[str, Callable[[Path], object]] = {
    "test.npz": split,
    "reference.npz": reference.load,
    "model.pt": load_checkpoint,
    "model.ts": torchscript_predict,
    "model.onnx": lambda path: graph.runner(path, ["output"]),
    "model.blob": engine,
    "engine.json": read_json,
    "metrics.json": read_json,
    "checks.json": read_checks,
    "health.json": read_health,
    "parity.json": read_parity,
    **dict.fromkeys(TABLES, complete),
}
CASES = [
    *((name, damage) for name in READERS for damage in DAMAGES.values()),
    *((name, changed) for name in WITH_CHECKSUM),
    *((name, line_missing) for name in TABLES),
]


@pytest.fixture(scope="module")
def made(dataset_files: Path, checkpoint: Path, exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a good file of every kind."""
    directory = tmp_path_factory.mktemp("made")
    for path in (dataset_files / "test.npz", checkpoint, *(exported / f"model.{kind}" for kind in ("onnx", "ts"))):
        (directory / path.name).write_bytes(path.read_bytes())
    (directory / "reference.npz").write_bytes((exported / "reference.npz").read_bytes())
    graph_with_weights_beside(directory / "large.onnx")
    (directory / "model.blob").write_bytes(ENGINE)
    documents = {
        "engine": json.dumps({"sha256": sha256(directory / "model.blob")}),
        "metrics": json.dumps({"accuracy": 0.5}),
        "parity": json.dumps({"samples": 1, "tolerance": {}, "exports": {}}),
        "checks": checks("null"),
        "health": health("null"),
    }
    for name, text in documents.items():
        (directory / f"{name}.json").write_text(text)
    write(directory / "points.csv", [{"variant": "null", "repeat": 1, **vars(load)} for load in LOADS])
    turns = [{"variant": name, "round": number} for number in (1, 2) for name in ("null", "onnx")]
    write(directory / "rounds.csv", turns, HEAD_TO_HEAD_COLUMNS)
    batches = [{"variant": "onnx", "batch_size": size, "repeat": 1} for size in (1, 8)]
    write(directory / "in_process.csv", batches, IN_PROCESS_COLUMNS)
    return directory


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of them, which a test may damage."""
    return shutil.copytree(made, tmp_path, dirs_exist_ok=True)


def replace(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))


@pytest.mark.parametrize("name", READERS)
def test_good_file_is_read(place: Path, name: str) -> None:
    READERS[name](place / name)


@pytest.mark.parametrize(("name", "damage"), CASES)
def test_damaged_file_is_refused_by_name(place: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    replace(place / name, damage)
    with pytest.raises(UserError) as found:
        READERS[name](place / name)
    said = str(found.value)
    assert name in said
    assert f"remove {place / name}, then start the run again" in said.partition(" Hint: ")[2]
    assert "\n" not in said


@pytest.mark.parametrize("damage", ["half", "nothing"])
def test_weights_that_lie_beside_a_given_graph(place: Path, damage: str) -> None:
    """It is the user's, and its bytes have no checksum."""
    assert graph.whole(place / "large.onnx").graph.initializer
    replace(place / "weights.bin", DAMAGES[damage])
    with pytest.raises(UserError, match=r"^model\.onnx: the weights of \S+large\.onnx cannot be read: .*\. Hint: "):
        graph.whole(place / "large.onnx")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_damaged_point_is_measured_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    store = Store(tmp_path, {}, None)
    with store.measuring(LOADS[0]) as (_, point):
        point["status"] = "stable"
    assert store.has(LOADS[0])
    replace(tmp_path / LOADS[0].name / "point.json", damage)
    assert not store.has(LOADS[0])


def test_script_ends_with_one_line(place: Path, script: Programs) -> None:
    replace(place / "metrics.json", DAMAGES["half"])
    arguments = ("--metrics", "metrics.json", "--accepted", "accepted.json")
    found = script("accept.py", *arguments, settings={"min_accuracy": 0.9})
    assert (found.returncode, found.stderr.count("\n")) == (2, 1), found.stderr
    assert found.stderr.startswith("accept.py: error: metrics.json is damaged: ")
    assert " Hint: rerun what makes it: remove metrics.json, then " in found.stderr
    assert not (place / "accepted.json").exists()
