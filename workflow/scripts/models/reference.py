"""The test set as the model takes it, and PyTorch's outputs for it: the measure of everything exported and served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.interface import Arrays
from program.files import whole_file


@dataclass(frozen=True)
class Reference:
    """Inputs and outputs by name, batch first; labels [n]."""

    inputs: Arrays
    outputs: Arrays
    labels: np.ndarray

    def renamed(self, model: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Reference":
        """The same under the names that a served model gives its inputs and outputs, which stand in the same order.

        `model` may have further inputs that are optional.
        """
        return Reference(
            {tensor["name"]: array for tensor, array in zip(model["inputs"], self.inputs.values())},
            {tensor["name"]: array for tensor, array in zip(model["outputs"], self.outputs.values())},
            self.labels,
        )

    def first(self, count: int) -> "Reference":
        """The first `count` samples."""
        return Reference(
            {name: array[:count] for name, array in self.inputs.items()},
            {name: array[:count] for name, array in self.outputs.items()},
            self.labels[:count],
        )


def save(path: Path, reference: Reference) -> None:
    """Write a reference: arrays `input:<name>`, `output:<name>` and `labels`, in this order."""
    inputs = {f"input:{name}": array for name, array in reference.inputs.items()}
    outputs = {f"output:{name}": array for name, array in reference.outputs.items()}
    with whole_file(path) as temporary:
        np.savez_compressed(temporary, **inputs, **outputs, labels=reference.labels)


def load(path: Path) -> Reference:
    """Read what `save` wrote."""
    with np.load(path) as data:
        arrays = dict(data)
    return Reference(_named(arrays, "input:"), _named(arrays, "output:"), arrays["labels"])


def _named(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class Difference:
    """How far outputs are from the reference.

    max_abs_error: largest absolute difference of a floating-point output; max_rel_error: that, over the largest
    absolute value of the reference; agreement: share of samples with the same answer.
    """

    max_abs_error: float
    max_rel_error: float
    agreement: float


def answers(output: np.ndarray) -> np.ndarray:
    """The answer of each sample [n]: an output of integers [n, 1] is the answer, one of scores [n, …] points to it."""
    flat = output.reshape(len(output), -1)
    return flat[:, 0] if np.issubdtype(output.dtype, np.integer) else flat.argmax(1)


def difference(outputs: list[np.ndarray], expected: list[np.ndarray]) -> Difference:
    """Compare outputs with the reference, both lists in the same order; the first output holds the answer."""
    pairs = [pair for pair in zip(outputs, expected) if np.issubdtype(pair[1].dtype, np.floating)]
    absolute = max((float(np.abs(one - other).max()) for one, other in pairs), default=0.0)
    largest = max((float(np.abs(other).max()) for _, other in pairs), default=0.0)
    agreement = float((answers(outputs[0]) == answers(expected[0])).mean())
    return Difference(absolute, absolute / largest if largest else absolute, agreement)
