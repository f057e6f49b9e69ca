"""An ONNX graph as it was given: its inputs and outputs, and the files that hold its weights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from model.tensors import DTYPES, Arrays, as_text
from program.cli import UserError

TYPE_NAMES = {
    onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind)): name for name, kind in DTYPES.items() if name != "BYTES"
}
TYPE_NAMES[onnx.TensorProto.STRING] = "BYTES"
# protobuf's own limit of one message
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Value:
    """One input or output: Triton's data type, and its axes: sizes, names or None, with those of the batch."""

    name: str
    dtype: str
    axes: list[int | str | None]


def read(path: Path) -> onnx.ModelProto:
    """A graph with its weights. Raises UserError when it is none, not a valid one, or larger than one file may be."""
    try:
        onnx.checker.check_model(path)
        graph = onnx.load(path)
    except Exception as error:  # of protobuf, of the checker, of the system
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise UserError(f"model.onnx: {path} is not a valid ONNX graph: {first}") from error
    if sum(tensor.ByteSize() for tensor in graph.graph.initializer) > LARGEST:
        raise UserError(
            f"model.onnx: {path} has more than 2 GB of weights.", "give a model.file that builds the module"
        )
    return graph


def runner(path: Path, outputs: list[str]) -> Callable[[Arrays], list[np.ndarray]]:
    """A function that computes the outputs of a graph with ONNX Runtime on CPU. Raises UserError if it refuses it."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # of classes that ONNX Runtime does not name publicly
        first = str(error).strip().partition("\n")[0]
        raise UserError(f"ONNX Runtime cannot run {path}: {first}.", "see export.opset and the operators") from error
    return lambda inputs: session.run(outputs, as_text(inputs))


def weights(path: Path) -> list[Path]:
    """The files beside a graph that hold its weights; none where the graph cannot be read, which `read` explains."""
    try:
        graph = onnx.load(path, load_external_data=False)
    except Exception:
        return []
    found = {
        entry.value
        for tensor in graph.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location" and tensor.data_location == onnx.TensorProto.EXTERNAL
    }
    return [path.parent / name for name in sorted(found)]


def inputs(graph: onnx.ModelProto) -> list[Value]:
    """What a request gives. Raises UserError for what is no tensor."""
    initial = {one.name for one in graph.graph.initializer}
    return [*_values(one for one in graph.graph.input if one.name not in initial)]


def outputs(graph: onnx.ModelProto) -> list[Value]:
    """What is answered. Raises UserError for what is no tensor."""
    return [*_values(graph.graph.output)]


def _values(described: Any) -> Iterator[Value]:
    for one in described:
        kind = one.type.WhichOneof("value")
        if kind != "tensor_type":
            what = f"model.onnx: {one.name} is a {str(kind).removesuffix('_type')}, and Triton has tensors alone."
            raise UserError(what, "export without it: skl2onnx with options={id(model): {'zipmap': False}}")
        tensor = one.type.tensor_type
        if tensor.elem_type not in TYPE_NAMES:
            name = onnx.TensorProto.DataType.Name(tensor.elem_type)
            what = f"model.onnx: {one.name} is {name}, which no tensor of a request can be in Python."
            raise UserError(what, "cast it in the graph, to FLOAT or FLOAT16")
        yield Value(one.name, TYPE_NAMES[tensor.elem_type], [_axis(axis) for axis in tensor.shape.dim])


def _axis(axis: Any) -> int | str | None:
    return axis.dim_value or axis.dim_param or None
