"""A graph whose weights lie in a file beside it."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [64]}],
        "outputs": [{"name": "y", "dtype": "FP32", "dims": [64]}],
    },
    "profile": {"min": "x:1x64", "opt": "x:2x64", "max": "x:4x64"},
    "variants": ["onnx", "openvino"],
}
EXTERNAL = True


def graph():
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in "xy")
    values = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    weights = numpy_helper.from_array(values / 8, "w")
    return helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "product", [x], [y], [weights])
