"""The test set as the model takes it, and PyTorch's outputs for it: the measure of everything exported and served."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.interface import Arrays


@dataclass(frozen=True)
class Reference:
    """Inputs and outputs by name, batch first; labels [n]."""

    inputs: Arrays
    outputs: Arrays
    labels: np.ndarray

    def first(self, count: int) -> "Reference":
        """The first `count` samples."""
        return Reference(
            {name: array[:count] for name, array in self.inputs.items()},
            {name: array[:count] for name, array in self.outputs.items()},
            self.labels[:count],
        )


def load(path: Path) -> Reference:
    """Read reference.npz of rule export."""
    with np.load(path) as data:
        arrays = dict(data)
    return Reference(_named(arrays, "input:"), _named(arrays, "output:"), arrays["labels"])


def _named(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class Difference:
    """How far outputs are from the reference.

    max_abs_error: largest absolute difference; max_rel_error: that, over the largest absolute value of the reference;
    agreement: share of samples whose largest output is the same.
    """

    max_abs_error: float
    max_rel_error: float
    agreement: float


def difference(outputs: list[np.ndarray], expected: list[np.ndarray]) -> Difference:
    """Compare outputs with the reference, both lists in the same order; the first output is the one classified by."""
    absolute = max(float(np.abs(one - other).max()) for one, other in zip(outputs, expected))
    largest = max(float(np.abs(other).max()) for other in expected)
    same = outputs[0].reshape(len(outputs[0]), -1).argmax(1) == expected[0].reshape(len(expected[0]), -1).argmax(1)
    return Difference(absolute, absolute / largest if largest else absolute, float(same.mean()))
