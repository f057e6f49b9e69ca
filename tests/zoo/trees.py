"""Operators of ai.onnx.ml, as scikit-learn's models have them: a tree."""

from onnx import TensorProto, helper

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [2]}],
        "outputs": [{"name": "label", "dtype": "INT64", "dims": []}, {"name": "scores", "dtype": "FP32", "dims": [2]}],
    },
    "profile": {"min": "x:1x2", "opt": "x:2x2", "max": "x:4x2"},
    "variants": ["onnx"],
}


def graph():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["n"])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])
    tree = {
        "nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [1, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_values": [0.25, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0],
        "class_treeids": [0, 0, 0, 0], "class_nodeids": [1, 1, 2, 2], "class_ids": [0, 1, 0, 1],
        "class_weights": [0.9, 0.1, 0.3, 0.7], "classlabels_int64s": [0, 1],
    }  # fmt: skip
    node = helper.make_node("TreeEnsembleClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", **tree)
    return helper.make_graph([node], "tree", [x], [label, scores])
