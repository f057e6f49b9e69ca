"""Names as exporters write them, with colons, slashes, dashes and digits alone."""

from onnx import TensorProto, helper

NAMES = ("serving_default_x:0", "gpu_0/data_0", "x-in")
SUMS = ("387", "save_infer_model/scale_0.tmp_1")
CONFIG = {
    "model": {
        "inputs": [{"name": name, "dtype": "FP32", "dims": [4]} for name in NAMES],
        "outputs": [{"name": name, "dtype": "FP32", "dims": [4]} for name in SUMS],
    },
    "profile": {
        bound: ",".join(f"{name}:{batch}x4" for name in NAMES) for bound, batch in (("min", 1), ("opt", 2), ("max", 4))
    },
    "variants": ["openvino", "onnx", "null"],
}


def graph():
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in NAMES]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in SUMS]
    nodes = [
        helper.make_node("Add", [NAMES[0], NAMES[1]], [SUMS[0]]),
        helper.make_node("Mul", [SUMS[0], NAMES[2]], [SUMS[1]]),
    ]
    return helper.make_graph(nodes, "sums", inputs, outputs)
