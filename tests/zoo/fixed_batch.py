"""A graph whose batch is fixed at 1: `batching: false`."""

from onnx import TensorProto, helper

CONFIG = {
    "model": {
        "batching": False,
        "inputs": [{"name": "image", "dtype": "FP32", "dims": [1, 3, 6, 6]}],
        "outputs": [{"name": "pooled", "dtype": "FP32", "dims": [1, 3, 1, 1]}],
    },
    "profile": dict.fromkeys(("min", "opt", "max"), "image:1x3x6x6"),
    "variants": ["openvino", "onnx", "null"],
}


def graph():
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 6, 6])
    pooled = helper.make_tensor_value_info("pooled", TensorProto.FLOAT, [1, 3, 1, 1])
    return helper.make_graph([helper.make_node("GlobalAveragePool", ["image"], ["pooled"])], "pool", [image], [pooled])
