"""Strings in a framework that has none."""

import strings

CONFIG = {**strings.CONFIG, "variants": ["openvino"]}
REFUSED = "variants: openvino has no strings, and word is BYTES. Hint: leave it out; onnx has them"
graph, example = strings.graph, strings.example
