"""One wrong element, of any data type and at any place, is found in an export and through the server, and named."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import healthcheck
import judgement
import parity
from conftest import SERVING
from model import reference
from model.reference import Reference
from model.signature import Signature, Tensor
from model.tensors import DTYPES
from plan.settings.export import Parity, Tolerance
from plan.settings.health import Bounds, HealthCheck, Judgement
from program.cli import UserError
from program.files import write_json
from record.recorded import HEALTH, PARITY, read_health, read_parity
from serve import server

# The model casts its input to every data type. Its elements are numbered, so that one can be chosen in any batch.
NUMBERS = np.arange(24, dtype=np.float32).reshape(4, 6)
PLACES = {"first": 0, "middle": 13, "last": 23}
SIGNATURE = Signature([Tensor("numbers", "FP32", [6])], [Tensor(f"as_{one}", one, [6]) for one in DTYPES])
PROFILE = {"min": "numbers:1x6", "opt": "numbers:2x6", "max": "numbers:4x6"}
RUNTIME = """
import numpy as np
import triton_python_backend_utils as pb_utils


def load(directory, config, threads, device):
    outputs = [(one["name"], pb_utils.triton_string_to_numpy(one["data_type"])) for one in config["output"]]

    def cast(array, dtype):
        return array.astype(int).astype(str).astype(dtype) if dtype is np.object_ else array.astype(dtype)

    def infer(batch):
        name, place = (directory / "wrong.txt").read_text().split()
        found = {output: cast(batch[0], dtype) for output, dtype in outputs}
        if name in found:
            chosen = batch[0] == int(place)
            another = {"b": batch[0][chosen] == 0, "O": "100"}
            found[name][chosen] = another.get(found[name].dtype.kind, 100)
        return list(found.values())

    return infer
"""


def cast(dtype: str) -> np.ndarray:
    """The numbers as a data type; strings without a decimal point, as ONNX casts them."""
    return NUMBERS.astype(int).astype(str).astype(object) if dtype == "BYTES" else NUMBERS.astype(DTYPES[dtype])


def outputs() -> dict[str, np.ndarray]:
    return {tensor.name: cast(tensor.dtype) for tensor in SIGNATURE.outputs}


@pytest.fixture(scope="module")
def casting(make_repository, tmp_path_factory):
    """A running server of the model, the file that says which element is wrong, and the reference."""
    directory = tmp_path_factory.mktemp("casting")
    (directory / "runtime.py").write_text(RUNTIME)
    model = {"inputs": [vars(one) for one in SIGNATURE.inputs], "outputs": [vars(one) for one in SIGNATURE.outputs]}
    bounds = {bound: PROFILE[bound] for bound in ("min", "max")}
    settings = {"name": "casting", "model": model, "profile": bounds, "serving": SERVING}
    repository = make_repository(settings, directory / "runtime.py")
    (runtime,) = repository.rglob("runtime.py")
    wrong = runtime.with_name("wrong.txt")
    wrong.write_text("none 0")
    reference.save(directory / "reference.npz", [Reference({"numbers": NUMBERS}, outputs())])
    with server.running(repository, ["casting"], directory / "triton.log") as running:
        yield running, wrong, directory / "reference.npz"


@pytest.fixture
def health(casting, monkeypatch, tmp_path):
    """The health.json of the running server when an element of an output is wrong."""
    running, wrong, expected = casting
    monkeypatch.setattr(server, "running", lambda *_, **__: nullcontext(running))
    bounds = Bounds(min_accuracy=0, max_abs_error=1e-3, min_agreement=1)
    settings = HealthCheck("onnx", "casting", "bundled", True, SIGNATURE, PROFILE, {"batch": 4}, "all")

    def check(name: str, place: int):
        wrong.write_text(f"{name} {place}")
        checks = tmp_path / "checks.json"
        healthcheck.main(healthcheck.Job(settings, tmp_path, expected, running.log_file, checks))
        judgement.main(judgement.Job(Judgement(bounds, {}), checks, tmp_path / "health.json"))
        return read_health(tmp_path / "health.json")

    return check


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_server_with_a_wrong_element_is_unhealthy(health, dtype, place):
    found = health(f"as_{dtype}", PLACES[place])
    assert not found["healthy"]
    # At every batch size over both protocols, and of this output alone.
    assert {reason.split(": ")[0] for reason in found["reasons"]} == {"grpc", "http"}
    assert {reason.split(": ")[1] for reason in found["reasons"]} == {f"output as_{dtype}"}
    assert {reason.rpartition(" at ")[2] for reason in found["reasons"]} == {"batch 1", "batch 2", "batch 4"}


def test_server_that_is_right_is_healthy(health):
    found = health("none", 0)
    assert (found["healthy"], found["reasons"]) == (True, [])
    for case in found["protocols"]["grpc"]["parity"].values():
        assert list(case["outputs"]) == [tensor.name for tensor in SIGNATURE.outputs]
        assert (case["max_abs_error"], case["agreement"]) == (0, 1)


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> Path:
    """The model as an ONNX graph."""
    kinds = {one.name: helper.np_dtype_to_tensor_dtype(np.dtype(DTYPES[one.dtype])) for one in SIGNATURE.outputs}
    found = helper.make_graph(
        [helper.make_node("Cast", ["numbers"], [name], to=kind) for name, kind in kinds.items()],
        "casting",
        [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["batch", 6])],
        [helper.make_tensor_value_info(name, kind, ["batch", 6]) for name, kind in kinds.items()],
    )
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    onnx.save(helper.make_model(found, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


@pytest.fixture
def exported(graph, tmp_path):
    """The parity.json of the graph against these outputs."""

    def check(expected: dict[str, np.ndarray]):
        reference.save(tmp_path / "reference.npz", [Reference({"numbers": NUMBERS}, expected)])
        settings = Parity(Tolerance(1e-4, 1e-4, 1.0), {}, PROFILE, SIGNATURE)
        parity.main(parity.Job(settings, graph, None, tmp_path / "reference.npz", tmp_path / "parity.json"))
        return read_parity(tmp_path / "parity.json")

    return check


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_export_with_a_wrong_element_is_refused(exported, dtype, place):
    doctored = outputs()
    element = doctored[f"as_{dtype}"].reshape(-1)[PLACES[place] :][:1]
    element[:] = ~element if dtype == "BOOL" else "100" if dtype == "BYTES" else 100
    with pytest.raises(UserError, match=f"^onnx differs from the reference at batch 1: output as_{dtype}: "):
        exported(doctored)


def test_export_that_is_right_has_the_figures_of_every_output(exported):
    for case in exported(outputs())["exports"]["onnx"].values():
        assert list(case["outputs"]) == [tensor.name for tensor in SIGNATURE.outputs]


@pytest.mark.parametrize(
    ("read", "content"),
    [
        (read_health, dict.fromkeys(HEALTH) | {"protocols": {"grpc": {"parity": {"1": {"max_abs_error": 0}}}}}),
        (read_parity, dict.fromkeys(PARITY) | {"exports": {"onnx": {"1": {"max_abs_error": 0}}}}),
    ],
)
def test_file_without_the_figures_of_every_output_is_refused(tmp_path, read, content):
    write_json(tmp_path / "old.json", content)
    with pytest.raises(UserError, match=r"old\.json was written by another version .* it lacks .*outputs"):
        read(tmp_path / "old.json")
