"""A state that Triton is to keep, in a variant of its Python backend."""

import sequence

CONFIG = sequence.CONFIG | {"variants": ["onnx"]}
REFUSED = (
    "variants: onnx keeps no state, which only native backends do. Hint: leave it out or name it in not_served, and "
    "set serving.backend to native"
)


def build():
    return sequence.build()
