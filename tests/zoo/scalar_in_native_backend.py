"""A scalar without batches in a native backend."""

import state

CONFIG = state.CONFIG | {"variants": ["torchscript"], "serving": {"backend": "native"}}
REFUSED = (
    "variants: Triton gives torchscript no scalar as rate where model.batching is false. Hint: set serving.backend to "
    "python"
)


def build():
    return state.build()
