"""make new for ONNX graphs: what exporters leave out is found by running them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from commands import new_graph
from model import graph


def value(name: str, kind: int, dims: list) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, dims)


def written(path: Path, nodes: list, inputs: list, outputs: list, constants: dict | None = None) -> Path:
    """A graph as a file; constants by name."""
    tensors = [numpy_helper.from_array(np.array(array), name) for name, array in (constants or {}).items()]
    made = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=9), path)
    return path


def segmenter(path: Path) -> Path:
    """Down by 32 and up again, and added to what came in: it takes multiples of 32, and names its axes at random."""
    x = value("x", TensorProto.FLOAT, [-1, 3, -1, "p2o.Dim.1"])
    outputs = [
        value("y", TensorProto.FLOAT, ["p2o.Dim.2", "d", "e", "f"]),
        value("small", TensorProto.FLOAT, ["g", 3, None, -1]),
    ]
    nodes = [
        helper.make_node("AveragePool", ["x"], ["small"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Resize", ["small", "", "up"], ["wide"]),
        helper.make_node("Add", ["x", "wide"], ["y"]),
    ]
    return written(path, nodes, [x], outputs, {"up": np.array([1, 1, 32, 32], np.float32)})


def detector(path: Path) -> Path:
    """A batch in, and however many are found out: the first axis is free on both sides, and not the same."""
    x, places = value("x", TensorProto.FLOAT, ["batch", 8]), value("places", TensorProto.INT64, ["found", 2])
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["positive"]),
        helper.make_node("NonZero", ["positive"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["places"]),
    ]
    return written(path, nodes, [x], [places], {"zero": np.float32(0)})


def recurrent(path: Path) -> Path:
    """Axes without names, a state whose batch is its second axis, and a rate that is a scalar."""
    x, state = value("x", TensorProto.FLOAT, [None, None, 4]), value("state", TensorProto.FLOAT, [1, None, 6])
    rate = value("rate", TensorProto.INT64, [])
    outputs = [value("y", TensorProto.FLOAT, [None, None, 6]), value("new", TensorProto.FLOAT, [None, None, None])]
    nodes = [
        helper.make_node("Cast", ["rate"], ["factor"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "factor"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("GRU", ["steps", "w", "r", "", "", "state"], ["all", "new"], hidden_size=6),
        helper.make_node("Squeeze", ["all", "one"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["y"], perm=[1, 0, 2]),
    ]
    constants = {"w": np.ones((1, 18, 4), np.float32), "r": np.ones((1, 18, 6), np.float32), "one": np.array([1])}
    return written(path, nodes, [x, state, rate], outputs, constants)


def tree(path: Path) -> Path:
    """Labels that are strings, of operators that OpenVINO does not have."""
    x, word = value("x", TensorProto.INT64, ["n", 2]), value("word", TensorProto.STRING, ["n", 2])
    keys = {"keys_int64s": [0, 1], "values_strings": ["no", "yes"]}
    return written(path, [helper.make_node("LabelEncoder", ["x"], ["word"], domain="ai.onnx.ml", **keys)], [x], [word])


@pytest.mark.parametrize(
    ("make", "batching", "inputs", "outputs", "opt", "variants"),
    [
        (
            segmenter, True, [[3, "axis_2", "axis_3"]], [[3, "axis_2", "axis_3"], [3, "axis_2/32", "axis_3/32"]],
            "x:8x3x64x64", ["null", "onnx", "openvino"],
        ),
        (detector, False, [[1, 8]], [[None, 2]], "x:1x8", ["onnx", "openvino"]),
        (
            recurrent, False, [[1, "x_1", 4], [1, 1, 6], []], [[1, "x_1", 6], [1, 1, 6]],
            "x:1x32x4,state:1x1x6,rate:scalar", ["null", "onnx", "openvino"],
        ),
        (tree, True, [[2]], [[2]], "x:8x2", ["null", "onnx"]),
    ],
)  # fmt: skip
def test_axes_sizes_and_variants_follow_from_trying(command, tmp_path, make, batching, inputs, outputs, opt, variants):
    found = command("new", "--model", make(tmp_path / "given.onnx"))
    assert found.returncode == 0, found.stderr
    config = yaml.safe_load((tmp_path / "given.yaml").read_text())
    model = config["model"]
    assert model["batching"] is batching
    assert [one["dims"] for one in model["inputs"]] == inputs
    assert [one["dims"] for one in model["outputs"]] == outputs
    assert config["profile"]["opt"] == opt
    assert config["variants"] == variants
    # What is written is a configuration that can be run.
    checked = command("check", "--configfile", tmp_path / "given.yaml")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert ("serving" in config) == (make in (recurrent, tree))


def test_inputs_that_are_no_floats_get_a_file_of_examples_which_stays(command, tmp_path):
    given, example = recurrent(tmp_path / "given.onnx"), tmp_path / "given_example.py"
    assert command("new", "--model", given).returncode == 0
    text = example.read_text()
    assert yaml.safe_load((tmp_path / "given.yaml").read_text())["model"]["file"] == str(example)
    example.write_text(text.replace("integers(0, 2,", "integers(16000, 16001,"))
    (tmp_path / "given.yaml").unlink()
    assert command("new", "--model", given).returncode == 0
    assert "16001" in example.read_text()


def test_graph_that_runs_at_no_size_is_described_with_the_reason(command, tmp_path):
    x, y = value("x", TensorProto.FLOAT, ["n", "size"]), value("y", TensorProto.FLOAT, ["n", 7])
    given = written(tmp_path / "given.onnx", [helper.make_node("Add", ["x", "seven"], ["y"])], [x], [y],
                    {"seven": np.ones(7, np.float32)})  # fmt: skip
    found = command("new", "--model", given)
    assert found.returncode == 0
    assert "ONNX Runtime cannot run" in found.stderr
    assert "It ran at no sizes tried: correct profile" in found.stderr
    assert yaml.safe_load((tmp_path / "given.yaml").read_text())["model"]["inputs"][0]["dims"] == ["size"]


@pytest.mark.parametrize(("seen", "dims"), [([16, 32, 64], "a"), ([32, 64, 128], "2*a"), ([4, 8, 16], "a/4"),
                                            ([5, 5, 5], 5), ([0, 0, 0], None), ([3, 9, 4], None)])  # fmt: skip
def test_axis_of_an_output_as_it_follows(seen, dims):
    runs = [({"a": size}, found) for size, found in zip((16, 32, 64), seen)]
    assert new_graph._follows(None, runs, True) == dims


def external(path: Path, size: int) -> Path:
    """A graph of `size` floats that lie beside it; the file has none of them on the disk."""
    weights = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="w.data")
    with path.with_name("w.data").open("wb") as file:
        file.truncate(4 * size)
    x, y = value("x", TensorProto.FLOAT, ["n", size]), value("y", TensorProto.FLOAT, ["n", size])
    made = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "graph", [x], [y], [weights])
    path.write_bytes(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=9).SerializeToString()
    )
    return path


def test_weights_beside_a_graph_are_read_where_they_are_needed(tmp_path):
    path = external(tmp_path / "given.onnx", 8)
    assert [len(found(path).graph.initializer[0].raw_data) for found in (graph.read, graph.whole)] == [0, 32]


def test_weights_of_more_than_protobuf_takes_are_refused_before_they_are_read(command, tmp_path):
    found = command("new", "--model", external(tmp_path / "given.onnx", 2**29))
    assert found.returncode == 2
    (line,) = found.stderr.splitlines()
    assert "given.onnx has more than 2 GB of weights, which no single file can hold. Hint: give a model.file" in line
    assert sorted(one.name for one in tmp_path.iterdir()) == ["given.onnx", "w.data"]
