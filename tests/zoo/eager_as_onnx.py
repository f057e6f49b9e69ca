"""The same for a variant that needs an export."""

import eager

CONFIG = eager.CONFIG | {"variants": ["onnx"]}
REFUSED = "the module cannot be exported to ONNX: "


def build():
    return eager.build()
