"""Strings in and out: a graph that looks a label up."""

import numpy as np
from onnx import TensorProto, helper

CONFIG = {
    "model": {
        "file": "strings.py",
        "inputs": [{"name": "word", "dtype": "BYTES", "dims": [2]}],
        "outputs": [{"name": "label", "dtype": "BYTES", "dims": [2]}],
    },
    "profile": {"min": "word:1x2", "opt": "word:2x2", "max": "word:4x2"},
    "variants": ["onnx", "null"],
    "serving": {"backend": "python"},
}
WORDS = {"cat": "animal", "rose": "plant", "größe": "Wörter"}


def graph():
    word, label = (helper.make_tensor_value_info(name, TensorProto.STRING, ["n", 2]) for name in ("word", "label"))
    keys = {"keys_strings": list(WORDS), "values_strings": list(WORDS.values()), "default_string": "unknown"}
    return helper.make_graph(
        [helper.make_node("LabelEncoder", ["word"], ["label"], domain="ai.onnx.ml", **keys)], "look", [word], [label]
    )


def example(shapes, generator):
    return {name: generator.choice(np.array([*WORDS, "other"], object), size) for name, size in shapes.items()}
