"""Rule export, for a ready graph: model.onnx as it was given, checked against the config, and what it answers.

reference.npz holds inputs that are made up, of the profile's sizes, and ONNX Runtime's outputs for them.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from model import reference, shapes, tensors
from model.reference import Reference
from program import cli
from program.cli import UserError, log
from program.files import whole_file

Tensors = Sequence[Mapping[str, Any]]


def read(path: Path) -> onnx.ModelProto:
    """A graph with its weights. Raises UserError when it is none, or not a valid one."""
    try:
        graph = onnx.load(path)
        onnx.checker.check_model(graph)
    except Exception as error:  # of protobuf, of the checker, of the system
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise UserError(f"model.onnx: {path} is not a valid ONNX graph: {first}") from error
    return graph


def check(graph: onnx.ModelProto, model: Mapping[str, Tensors]) -> None:
    """Raises UserError when inputs or outputs of the config are not those of the graph, or an axis cannot vary."""
    initial = {one.name for one in graph.graph.initializer}
    for side, values in (("inputs", graph.graph.input), ("outputs", graph.graph.output)):
        found = {one.name: one.type.tensor_type for one in values if one.name not in initial}
        names = [tensor["name"] for tensor in model[side]]
        if sorted(found) != sorted(names):
            raise UserError(f"model.{side}: the graph has {', '.join(found)}, the config {', '.join(names)}.")
        for tensor in model[side]:
            described = found[tensor["name"]]
            dtype = onnx.helper.tensor_dtype_to_np_dtype(described.elem_type)
            sizes = [axis.dim_value or -1 for axis in described.shape.dim]
            wanted = [-1, *shapes.sizes(tensor["dims"])]
            fixed = side == "inputs" and any(e == -1 and d != -1 for e, d in zip(wanted, sizes))
            if dtype != tensors.DTYPES[tensor["dtype"]] or len(sizes) != len(wanted) or fixed or _differ(sizes, wanted):
                what = f"model.{side}: {tensor['name']} is {dtype} {sizes} in the graph (-1: free)"
                raise UserError(f"{what}, and {tensor['dtype']} {wanted} in the config, batch first.")


def _differ(sizes: Sequence[int], wanted: Sequence[int]) -> bool:
    return any(-1 not in (one, other) and one != other for one, other in zip(sizes, wanted))


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    model = settings["model"]
    graph = read(options.given)
    check(graph, model)
    with whole_file(options.onnx) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    session = onnxruntime.InferenceSession(options.onnx, providers=["CPUExecutionProvider"])
    names = [tensor["name"] for tensor in model["outputs"]]
    groups = []
    for given in settings["shapes"]:
        inputs = tensors.made_up(model["inputs"], given)
        groups.append(Reference(inputs, tensors.named(session.run(names, inputs), model["outputs"], "the graph")))
    reference.save(options.reference, groups)
    log.info("graph as given, with %d operators", len(graph.graph.node))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"model": inputs and outputs, "shapes": [name to sizes, …]}')
    result.add_argument("--given", type=Path, required=True, help="the graph that model.onnx names")
    result.add_argument("--onnx", type=Path, required=True, help="output: model.onnx")
    result.add_argument("--reference", type=Path, required=True, help="output: reference.npz")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
