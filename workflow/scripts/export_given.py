"""Rule export, for a ready graph: model.onnx as it was given, checked against the config, and what it answers.

model.onnx holds all of its weights, also those that lie in files beside the given one; more than one file can hold are
in one beside it. reference.npz holds the test
set, or inputs that are made up, of the profile's sizes, and ONNX Runtime's outputs for them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from model import graph, shapes
from model.graph import Value
from model.interface import in_batches, one_by_one
from model.references import answered, save_all
from model.signature import Signature, Tensor, names
from model.source import load_file
from model.tensors import Arrays
from plan.settings.export import Reference
from program.cli import UserError, log
from program.files import whole_file
from program.job import run

BATCH = 500  # samples that one call computes


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Reference
    given: Annotated[Path, "the graph that model.onnx names"]
    model_file: Annotated[Path | None, "what the graph lacks: a data set, example inputs"]
    dataset: Annotated[Path | None, "test.npz, where there is a data set"]
    onnx: Annotated[Path, "output: model.onnx"]
    weights: Annotated[Path | None, "output: its weights, where it cannot hold them"]
    reference: Annotated[Path, "output: reference.npz"]
    raw_reference: Annotated[Path | None, "output: reference_raw.npz, where there are raw samples"]


def check(inputs: list[Value], outputs: list[Value], model: Signature) -> None:
    """Raises UserError when inputs or outputs of the config are not those of the graph, or an axis cannot vary."""
    for side, values, described in (("inputs", inputs, model.inputs), ("outputs", outputs, model.outputs)):
        found = {value.name: value for value in values}
        if sorted(found) != sorted(names(described)):
            raise UserError(
                f"model.{side}: the graph has {', '.join(found)}, the config {', '.join(names(described))}."
            )
        for tensor in described:
            _check(side, tensor, found[tensor.name], model.batching)


def _check(side: str, tensor: Tensor, own: Value, batching: bool) -> None:
    sizes = shapes.sizes(own.axes)
    wanted = [*([-1] if batching else []), *shapes.sizes(tensor.dims)]
    what = f"model.{side}: {tensor.name} is {own.dtype} {sizes} in the graph (-1: free)"
    if batching and sizes[:1] != [-1] and (sizes[1:] == wanted[1:] or side == "inputs"):
        fixed = f"fixed at {sizes[0]}" if sizes else "missing"
        hint = f"set model.batching to false and write complete dims, here {sizes}; or export it with a free first axis"
        raise UserError(f"{what}: its batch axis is {fixed}.", hint)
    fixed_axis = side == "inputs" and any(e == -1 and d != -1 for e, d in zip(wanted, sizes))
    differ = any(-1 not in (one, other) and one != other for one, other in zip(sizes, wanted))
    if own.dtype != tensor.dtype or len(sizes) != len(wanted) or fixed_axis or differ:
        first = ", batch first" if batching else ""
        raise UserError(f"{what}, and {tensor.dtype} {wanted} in the config{first}.")


def main(job: Job) -> None:
    settings = job.settings
    model = settings.model
    found = graph.gathered(job.given, job.weights) if job.weights else graph.whole(job.given)
    check(graph.inputs(found), graph.outputs(found), model)
    with whole_file(job.onnx) as temporary:
        temporary.write_bytes(found.SerializeToString(deterministic=True))
    compute = graph.runner(job.onnx, names(model.outputs))

    def answer(inputs: Arrays) -> list[np.ndarray]:
        return in_batches(compute, inputs, BATCH) if model.batching else one_by_one(compute, inputs)

    source = load_file(job.model_file) if job.model_file else None
    groups = answered(answer, source, job.dataset, model, settings.shapes)
    save_all(job.reference, groups, job.raw_reference, job.dataset, source, settings.raw)
    log.info("graph as given, with %d operators", len(found.graph.node))


if __name__ == "__main__":
    run(main, Job, __doc__)
