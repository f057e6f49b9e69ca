"""The reference: the model's inputs and PyTorch's outputs for them. Exports and servers are compared with it.

A reference is a list of groups, one per shape of a sample, because an array holds samples of one shape. The first group
is the test set, or without a data set the profile's opt shape. A model without named axes has only this group.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model import shapes
from model.signature import Signature
from program.files import whole_file

Arrays = dict[str, np.ndarray]


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
        """The same under a served model's names of inputs and outputs, which have the same order.

        `model` may have more inputs, which are optional.
        """
        return Reference(
            {tensor.name: array for tensor, array in zip(model.inputs, self.inputs.values())},
            {tensor.name: array for tensor, array in zip(model.outputs, self.outputs.values())},
            self.labels,
        )

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
        np.savez_compressed(temporary, **arrays)


def load(path: Path) -> list[Reference]:
    """The groups in a file that `save` wrote."""
    groups: list[dict[str, Arrays]] = []
    with np.load(path) as data:
        for key in data.files:
            place, _, rest = key.rpartition("/")
            kind, _, name = rest.partition(":")
            if int(place or 0) == len(groups):
                groups.append({"input": {}, "output": {}, "labels": {}})
            groups[-1][kind][name] = data[key]
    return [Reference(group["input"], group["output"], group["labels"].get("")) for group in groups]


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
