"""The reference: the model's inputs and PyTorch's outputs for them. Exports and servers are compared with it.

A reference is a list of groups, one per shape of a sample, because an array holds samples of one shape. The first group
is the test set, or without a data set the profile's opt shape. A model without named axes has only this group.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model import shapes
from model.signature import Signature, Tensor
from program.files import reading, whole_file

Arrays = dict[str, np.ndarray]
# Samples in order that are a sequence, where the model has a state.
STEPS = 4


@dataclass(frozen=True)
class Reference:
    """One group: inputs and outputs by name, batch first; labels [n], or None if they are not known."""

    inputs: Arrays
    outputs: Arrays
    labels: np.ndarray | None = None

    @property
    def samples(self) -> int:
        return len(next(iter(self.inputs.values())))

    @property
    def shapes(self) -> shapes.Shapes:
        """The shapes of one sample, by input."""
        return {name: list(array.shape[1:]) for name, array in self.inputs.items()}

    def renamed(self, model: Signature) -> "Reference":
        """The same as a served model's clients see it: its names of inputs and outputs, single values on an axis of 1,
        no state.

        `model` has the same order. It may have more inputs, which are optional.
        """

        def seen(tensors: Sequence[Tensor], arrays: Arrays) -> Arrays:
            return {
                tensor.name: array if tensor.dims else array.reshape(-1, 1)
                for tensor, array in zip(tensors, arrays.values())
            }

        found = Reference(seen(model.inputs, self.inputs), seen(model.outputs, self.outputs), self.labels)
        return found.without(model.state)

    def without(self, state: Mapping[str, str]) -> "Reference":
        """The same without the inputs and outputs of a state."""
        inputs = {name: array for name, array in self.inputs.items() if name not in state}
        outputs = {name: array for name, array in self.outputs.items() if name not in state.values()}
        return Reference(inputs, outputs, self.labels)

    def first(self, count: int) -> "Reference":
        """The first `count` samples."""
        return self._each(lambda array: array[:count])

    def at_least(self, count: int) -> "Reference":
        """At least `count` samples; they repeat if there are fewer."""
        return self if self.samples >= count else self._each(lambda array: array[np.arange(count) % len(array)])

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Reference":
        return Reference(
            {name: change(array) for name, array in self.inputs.items()},
            {name: change(array) for name, array in self.outputs.items()},
            None if self.labels is None else change(self.labels),
        )


def save(path: Path, groups: Sequence[Reference]) -> None:
    """Write a reference: arrays `input:<name>`, `output:<name>`, `labels`; after the first group with `<n>/` before."""
    arrays: Arrays = {}
    for index, group in enumerate(groups):
        prefix = f"{index}/" if index else ""
        arrays |= {f"{prefix}input:{name}": array for name, array in group.inputs.items()}
        arrays |= {f"{prefix}output:{name}": array for name, array in group.outputs.items()}
        arrays |= {} if group.labels is None else {f"{prefix}labels": group.labels}
    with whole_file(path) as temporary:
        np.savez_compressed(temporary, **{name: _stored(array) for name, array in arrays.items()})


def load(path: Path) -> list[Reference]:
    """The groups in a file that `save` wrote. Raises UserError when it is damaged."""
    groups: list[dict[str, Arrays]] = []
    with reading(path), np.load(path) as data:
        for key in data.files:
            # Names of tensors may have colons and slashes too.
            head, _, name = key.partition(":")
            place, _, kind = head.rpartition("/")
            if int(place or 0) == len(groups):
                groups.append({"input": {}, "output": {}, "labels": {}})
            array = data[key]
            groups[-1][kind][name] = array.astype(object) if array.dtype.kind == "S" else array
    return [Reference(group["input"], group["output"], group["labels"].get("")) for group in groups]


def _stored(array: np.ndarray) -> np.ndarray:
    """Strings as bytes of one length, which numpy stores without pickle; other arrays as they are."""
    if array.dtype.kind != "O":
        return array
    encoded = [one.encode() if isinstance(one, str) else bytes(one) for one in array.ravel().tolist()]
    return np.array(encoded, dtype=bytes).reshape(array.shape)


def cases(groups: Sequence[Reference], profile: Mapping[str, shapes.Shapes]) -> dict[str, tuple[Reference, int]]:
    """Samples and batch size for each bound of a profile, by the batch size, or by the shapes if axes vary.

    Raw samples have one group, which fits every profile; they go by batch size.
    """
    result = {}
    for given in profile.values():
        fitting = [group for group in groups if len(groups) == 1 or group.shapes == shapes.sample(given)]
        size = shapes.batch(given)
        label = str(size) if len(groups) == 1 else shapes.format(given)
        result[label] = (fitting[0].at_least(size), size)
    return result


def place(label: str) -> str:
    """The label of a case as a sentence names it: `batch 4`, or the shapes."""
    return f"batch {label}" if label.isdigit() else label
