"""A graph that is quantised already (QDQ)."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [16]}],
        "outputs": [
            {"name": "y", "dtype": "FP32", "dims": [8], "tolerance": {"max_abs_error": 0.2, "max_rel_error": 0.05}}
        ],
    },
    "profile": {"min": "x:1x16", "opt": "x:2x16", "max": "x:4x16"},
    "variants": ["onnx", "openvino"],
}


def graph():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8])
    generator = np.random.default_rng(0)
    constants = {
        "w": generator.integers(-100, 100, (16, 8)).astype(np.int8),
        **{"w_scale": np.float32(0.01), "w_zero": np.int8(0)},
        **{"scale": np.float32(0.03), "zero": np.uint8(128)},
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["v"]),
        helper.make_node("MatMul", ["d", "v"], ["y"]),
    ]
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    return helper.make_graph(nodes, "quantised", [x], [y], held)
