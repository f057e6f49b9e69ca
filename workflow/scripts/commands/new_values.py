"""Which integers the inputs of an ONNX graph take, found by asking: where a vocabulary ends, a graph refuses or stops
telling one value from another."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from model import graph
from model.signature import Signature
from model.tensors import Arrays
from program.cli import UserError

# Larger values than those of any vocabulary.
FAR = 2**20
Ask = Callable[[int], list[np.ndarray] | None]


def ends(path: Path, model: Signature, inputs: Arrays) -> Mapping[str, int]:
    """For inputs of integers, the smallest value beyond those that mean something, where there is one.

    `inputs`: one request that the graph takes.
    """
    compute = graph.runner(path, [tensor.name for tensor in model.outputs])
    # A single number may be a length or a count, and a large one of those takes for ever.
    several = [one for one in model.inputs if "INT" in one.dtype and inputs[one.name].size > 1]
    # A mask of zeros would hide the others.
    shown = inputs | {one.name: np.ones_like(inputs[one.name]) for one in several}

    def asking(name: str) -> Ask:
        def ask(value: int) -> list[np.ndarray] | None:
            """The answer where this input is one value alone; None where it is refused."""
            try:
                return compute(shown | {name: np.full_like(inputs[name], value)})
            except UserError:
                return None

        return ask

    largest = {one.name: np.iinfo(inputs[one.name].dtype).max for one in several}
    found = {name: _end(asking(name), min(FAR, int(most))) for name, most in largest.items()}
    return {name: end for name, end in found.items() if end}


def _end(ask: Ask, far: int) -> int:
    """The first value that is refused or answered as `far` and the one before it are; 0 if there is none."""
    last = ask(far)

    def beyond(value: int) -> bool:
        answer = ask(value)
        same = last is not None and answer is not None and all(map(np.array_equal, answer, last))
        return answer is None or same

    if beyond(0) or not beyond(far - 1):
        return 0
    low, high = 0, far - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return high
