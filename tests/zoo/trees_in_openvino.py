"""Operators of ai.onnx.ml in OpenVINO."""

from trees import CONFIG as OF_TREES
from trees import graph as graph

CONFIG = OF_TREES | {"variants": ["openvino"]}
REFUSED = "OpenVINO cannot compile"
