"""A module that only eager PyTorch runs, for a variant that needs ONNX."""

import eager

CONFIG = eager.CONFIG | {"variants": ["onnx"]}
REFUSED = "the module cannot be exported to ONNX: "


def build():
    return eager.build()
