"""Rule export, for a ready graph: model.onnx as it was given, checked against the config, and what it answers.

reference.npz holds inputs that are made up, of the profile's sizes, and ONNX Runtime's outputs for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import onnx
import onnxruntime

from model import reference, shapes, tensors
from model.reference import Reference
from model.signature import Signature
from plan.settings.export import ExportGiven
from program.cli import UserError, log
from program.files import whole_file
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: ExportGiven
    given: Annotated[Path, "the graph that model.onnx names"]
    onnx: Annotated[Path, "output: model.onnx"]
    reference: Annotated[Path, "output: reference.npz"]


def read(path: Path) -> onnx.ModelProto:
    """A graph with its weights. Raises UserError when it is none, or not a valid one."""
    try:
        graph = onnx.load(path)
        onnx.checker.check_model(graph)
    except Exception as error:  # of protobuf, of the checker, of the system
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise UserError(f"model.onnx: {path} is not a valid ONNX graph: {first}") from error
    return graph


def check(graph: onnx.ModelProto, model: Signature) -> None:
    """Raises UserError when inputs or outputs of the config are not those of the graph, or an axis cannot vary."""
    initial = {one.name for one in graph.graph.initializer}
    for side, values, described in (
        ("inputs", graph.graph.input, model.inputs),
        ("outputs", graph.graph.output, model.outputs),
    ):
        found = {one.name: one.type.tensor_type for one in values if one.name not in initial}
        names = [tensor.name for tensor in described]
        if sorted(found) != sorted(names):
            raise UserError(f"model.{side}: the graph has {', '.join(found)}, the config {', '.join(names)}.")
        for tensor in described:
            own = found[tensor.name]
            dtype = onnx.helper.tensor_dtype_to_np_dtype(own.elem_type)
            sizes = [axis.dim_value or -1 for axis in own.shape.dim]
            wanted = [-1, *shapes.sizes(tensor.dims)]
            fixed = side == "inputs" and any(e == -1 and d != -1 for e, d in zip(wanted, sizes))
            if dtype != tensors.DTYPES[tensor.dtype] or len(sizes) != len(wanted) or fixed or _differ(sizes, wanted):
                what = f"model.{side}: {tensor.name} is {dtype} {sizes} in the graph (-1: free)"
                raise UserError(f"{what}, and {tensor.dtype} {wanted} in the config, batch first.")


def _differ(sizes: Sequence[int], wanted: Sequence[int]) -> bool:
    return any(-1 not in (one, other) and one != other for one, other in zip(sizes, wanted))


def main(job: Job) -> None:
    settings = job.settings
    model = settings.model
    graph = read(job.given)
    check(graph, model)
    with whole_file(job.onnx) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(job.onnx, providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in model.outputs]
    groups = []
    for wanted in settings.shapes:
        inputs = tensors.made_up(model.inputs, wanted)
        groups.append(Reference(inputs, tensors.named(session.run(names, inputs), model.outputs, "the graph")))
    reference.save(job.reference, groups)
    log.info("graph as given, with %d operators", len(graph.graph.node))


if __name__ == "__main__":
    run(main, Job, __doc__)
