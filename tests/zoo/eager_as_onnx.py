"""The same for a variant that needs an export."""

from eager import CONFIG as OF_EAGER
from eager import build as build

CONFIG = OF_EAGER | {"variants": ["onnx"]}
REFUSED = "the module cannot be exported to ONNX: "
