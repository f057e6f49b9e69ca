"""Making of the references: the inputs of the test set or inputs that are made up, and what the model answers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from model import reference, tensors
from model.interface import split
from model.reference import STEPS, Reference
from model.shapes import Shapes
from model.signature import Signature
from model.tensors import Arrays
from program.cli import UserError

Answer = Callable[[Arrays], list[np.ndarray]]


def answered(
    answer: Answer, source: ModuleType | None, dataset: Path | None, model: Signature, shapes: Sequence[Shapes]
) -> list[Reference]:
    """One group for the test set, if there is one, and one for each of the shapes; `source`: the model file.

    A group has the first inputs whose outputs have one size: all, unless the sizes follow from what is in the inputs.
    """
    groups = []
    if dataset and source:
        samples, labels = split(dataset)
        prepared = tensors.check(source.prepare(samples), model.inputs, "prepare of the model file")
        groups.append(_answered(answer, prepared, model, labels))
    for wanted in shapes:
        inputs = tensors.made_up(model.inputs, wanted, getattr(source, "example", None))
        groups.append(_in_sequences(answer, inputs, model) if model.state else _answered(answer, inputs, model))
    return groups


def _in_sequences(answer: Answer, inputs: Arrays, model: Signature) -> Reference:
    """Sequences of STEPS samples: the state of the first is zeros, of the next ones what the model gave before.

    Raises UserError when outputs of one shape of inputs differ in size.
    """
    state = {name: np.zeros_like(inputs[name][::STEPS]) for name in model.state}
    steps: list[Reference] = []
    for step in range(STEPS):
        given = {name: array[step::STEPS] for name, array in inputs.items()} | state
        outputs = tensors.named(answer(given), model.outputs, "the model")
        steps.append(Reference(given, outputs))
        sizes = {name: [one.outputs[name].shape for one in steps] for name in outputs}
        uneven = next((name for name, found in sizes.items() if found[-1] != (steps[0].samples, *found[0][1:])), None)
        if uneven:
            raise UserError(f"model.state: {uneven} varies in size within a sequence.", "leave model.state empty")
        state = {taken: outputs[kept] for taken, kept in model.state.items()}

    def woven(parts: Sequence[Arrays]) -> Arrays:
        """The samples of all steps, sequence by sequence."""
        stacked = {name: np.stack([part[name] for part in parts], axis=1) for name in parts[0]}
        return {name: array.reshape(-1, *array.shape[2:]) for name, array in stacked.items()}

    return Reference(woven([one.inputs for one in steps]), woven([one.outputs for one in steps]))


def _answered(answer: Answer, inputs: Arrays, model: Signature, labels: np.ndarray | None = None) -> Reference:
    results = answer(inputs)
    outputs = tensors.named(results, model.outputs, "the model")
    return Reference(inputs, outputs, labels).first(len(results[0]))


def save_all(
    path: Path,
    groups: Sequence[Reference],
    raw_path: Path | None,
    dataset: Path | None,
    source: ModuleType | None,
    raw: Signature | None,
) -> None:
    """Write the reference, and where there are raw samples theirs: the answers that the model file makes of outputs."""
    reference.save(path, groups)
    if raw_path and dataset and source and raw:
        samples, labels = split(dataset)
        found = source.interpret(*groups[0].outputs.values())
        answer = tensors.check(found, raw.outputs, "interpret of the model file")
        reference.save(raw_path, [Reference({raw.inputs[0].name: samples}, answer, labels)])
