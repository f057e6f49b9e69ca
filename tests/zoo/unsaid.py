"""A graph that says little of its axes: -1 for free ones, and other names for those of its output."""

from onnx import TensorProto, helper

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [3, "high", "wide"]}],
        "outputs": [{"name": "y", "dtype": "FP32", "dims": [3, "high", "wide"]}],
    },
    "profile": {"min": "x:1x3x4x4", "opt": "x:2x3x4x8", "max": "x:4x3x8x8"},
    "variants": ["openvino", "onnx", "null"],
}


def graph():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [-1, 3, -1, -1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["p2o.Dim.0", 3, "p2o.Dim.1", -1])
    return helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", [x], [y])
