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
    assert ("serving" in config) == (make is tree)


def test_inputs_that_are_no_floats_get_a_file_of_examples_which_stays(command, tmp_path):
    given, example = recurrent(tmp_path / "given.onnx"), tmp_path / "given_example.py"
    assert command("new", "--model", given).returncode == 0
    text = example.read_text()
    assert yaml.safe_load((tmp_path / "given.yaml").read_text())["model"]["file"] == str(example)
    example.write_text(text.replace("integers(0, 2,", "integers(16000, 16001,"))
    (tmp_path / "given.yaml").unlink()
    assert command("new", "--model", given).returncode == 0
    assert "16001" in example.read_text()


def test_example_has_the_integers_that_the_graph_tells_apart(command, tmp_path):
    """A look-up refuses what its table lacks, one-hot forgets it, and a number is a number."""
    ids, kinds, masks = (value(name, TensorProto.INT64, ["n", 3]) for name in ("ids", "kinds", "masks"))
    y, hot = value("y", TensorProto.FLOAT, ["n", 3, 7]), np.array([0, 1], np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("OneHot", ["kinds", "seven", "hot"], ["ones"]),
        helper.make_node("Cast", ["masks"], ["factors"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["factors", "last"], ["wide"]),
        helper.make_node("Add", ["rows", "ones"], ["both"]),
        helper.make_node("Mul", ["both", "wide"], ["y"]),
    ]
    table = np.arange(350, dtype=np.float32).reshape(50, 7)
    constants = {"table": table, "seven": np.int64(7), "hot": hot, "last": np.array([-1])}
    given = written(tmp_path / "given.onnx", nodes, [ids, kinds, masks], [y], constants)
    assert command("new", "--model", given).returncode == 0
    made = (tmp_path / "given_example.py").read_text()
    assert [line.split("integers(")[1].split(", shapes")[0] for line in made.splitlines() if "integers(" in line] == [
        *("0, 50", "0, 7", "0, 2")
    ]


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


WIDTH = 16


def external(path: Path, rows: int) -> Path:
    """A graph that looks up rows of a table that lies beside it: zeros, of which the disk has none, then one other."""
    table = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[rows, WIDTH])
    table.data_location = TensorProto.EXTERNAL
    table.external_data.add(key="location", value="w.data")
    with path.with_name("w.data").open("wb") as file:
        file.seek(4 * (rows - 1) * WIDTH)
        file.write(np.arange(WIDTH, dtype=np.float32).tobytes())
    ids, found = value("ids", TensorProto.INT64, ["n", 2]), value("found", TensorProto.FLOAT, ["n", 2, WIDTH])
    made = helper.make_graph([helper.make_node("Gather", ["w", "ids"], ["found"])], "graph", [ids], [found], [table])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_beside_a_graph_are_read_where_they_are_needed(tmp_path):
    path = external(tmp_path / "given.onnx", 2)
    assert [len(found(path).graph.initializer[0].raw_data) for found in (graph.read, graph.whole)] == [0, 128]
    assert not graph.is_large(path)


def looked_up(given: Path, directory: Path, row: int) -> np.ndarray:
    """A row of the table, from a graph whose weights were gathered."""
    directory.mkdir()
    (directory / "model.onnx").write_bytes(graph.gathered(given, directory / "model.onnx.data").SerializeToString())
    (found,) = graph.runner(directory / "model.onnx", ["found"])({"ids": np.array([[0, row]])})
    np.testing.assert_array_equal(found[0, 0], np.zeros(WIDTH))
    return found[0, 1]


def test_graph_with_other_weights_is_another_one(tmp_path):
    path = external(tmp_path / "given.onnx", 3)
    before = looked_up(path, tmp_path / "before", 2)
    np.testing.assert_array_equal(before, np.arange(WIDTH))
    (tmp_path / "w.data").write_bytes(np.repeat(np.float32([0, 1, 2]), WIDTH).tobytes())
    np.testing.assert_array_equal(looked_up(path, tmp_path / "after", 2), np.full(WIDTH, 2))
    both = [(tmp_path / name / "model.onnx").read_bytes() for name in ("before", "after")]
    assert both[0] != both[1]


@pytest.mark.slow
def test_weights_of_more_than_protobuf_takes_stay_beside_their_graph(command, tmp_path):
    rows = 2**25 + 1
    path = external(tmp_path / "given.onnx", rows)
    assert graph.is_large(path)
    found = command("new", "--model", path)
    assert found.returncode == 0, found.stderr
    config = yaml.safe_load((tmp_path / "given.yaml").read_text())
    assert (config["variants"], config["not_served"]) == (["null", "onnx", "openvino"], {})
    np.testing.assert_array_equal(looked_up(path, tmp_path / "export", rows - 1), np.arange(WIDTH))
    written = (tmp_path / "export" / "model.onnx.data").stat()
    assert (written.st_size, written.st_blocks * 512 < 2**26) == (4 * rows * WIDTH, True)
