"""A scalar without batches in the native backends: Triton has it on an axis of 1, the model on none."""

import state

CONFIG = state.CONFIG | {"variants": ["openvino", "torchscript", "null"], "serving": {"backend": "native"}}


def build():
    return state.build()
