"""A number of detections that follows from the data: `null`, without batches."""

from onnx import TensorProto, helper

CONFIG = {
    "model": {
        "batching": False,
        "inputs": [{"name": "scores", "dtype": "FP32", "dims": [20]}],
        "outputs": [{"name": "places", "dtype": "INT64", "dims": [1, None]}],
    },
    "profile": dict.fromkeys(("min", "opt", "max"), "scores:20"),
    "variants": ["onnx", "openvino"],
}


def graph():
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [20])
    places = helper.make_tensor_value_info("places", TensorProto.INT64, [1, "found"])
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    nodes = [
        helper.make_node("Greater", ["scores", "zero"], ["positive"]),
        helper.make_node("NonZero", ["positive"], ["places"]),
    ]
    return helper.make_graph(nodes, "detect", [scores], [places], [zero])
