"""Strings in a framework that has none."""

from strings import example as example
from strings import graph as graph

CONFIG = {
    "model": {
        "file": "strings.py",
        "inputs": [{"name": "word", "dtype": "BYTES", "dims": [2]}],
        "outputs": [{"name": "label", "dtype": "BYTES", "dims": [2]}],
    },
    "profile": {"min": "word:1x2", "opt": "word:2x2", "max": "word:4x2"},
    "variants": ["openvino"],
}
REFUSED = "variants: openvino has no strings, and word is BYTES. Hint: leave it out; onnx has them"
