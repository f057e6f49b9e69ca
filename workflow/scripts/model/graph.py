"""An ONNX graph as it was given: its inputs and outputs, and the files that hold its weights."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import onnx

from model.tensors import DTYPES, Arrays, as_text
from program.cli import UserError
from program.files import reading, sha256, whole_file

TYPE_NAMES = {
    onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind)): name for name, kind in DTYPES.items() if name != "BYTES"
}
TYPE_NAMES[onnx.TensorProto.STRING] = "BYTES"
# protobuf's own limit of one message, in bytes
LARGEST = 2**31 - 1
# Where weights begin in a file of their own, in bytes: what maps files into memory needs whole pages.
PAGE = 4096
# Bytes that are copied at once.
PIECE = 2**24
# ONNX Runtime's level of logging: what goes wrong it says in exceptions too, and once is enough.
FATAL = 4


@dataclass(frozen=True)
class Value:
    """One input or output: Triton's data type, and its axes: sizes, names or None, with those of the batch."""

    name: str
    dtype: str
    axes: list[int | str | None]


def read(path: Path) -> onnx.ModelProto:
    """A graph, without the weights in files beside it.

    Raises UserError when it is none, or not a valid one.
    """
    try:
        onnx.checker.check_model(path)
        graph = onnx.load(path, load_external_data=False)
    except Exception as error:  # of protobuf, of the checker, of the system
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise UserError(f"model.onnx: {path} is not a valid ONNX graph: {first}") from error
    return graph


def whole(path: Path) -> onnx.ModelProto:
    """A graph with all of its weights inside. Raises UserError as `read`."""
    graph = read(path)
    try:
        onnx.load_external_data_for_model(graph, str(path.parent))
    except Exception as error:  # of the system, or for files that are cut off
        hint = "copy the files that lie beside the graph again"
        raise UserError(f"model.onnx: the weights of {path} cannot be read: {error}.", hint) from error
    return graph


def is_large(path: Path) -> bool:
    """Whether a graph has more weights than one file of it can hold."""
    return sum(one.stat().st_size for one in [path, *weights(path)] if one.exists()) > LARGEST


def gathered(path: Path, target: Path) -> onnx.ModelProto:
    """A graph whose weights are copied from all files beside it into `target`, which it names; it has their SHA-256.

    Raises UserError as `read`.
    """
    graph = read(path)
    with whole_file(target) as temporary, temporary.open("wb") as file:
        for tensor in filter(onnx.external_data_helper.uses_external_data, graph.graph.initializer):
            old = onnx.external_data_helper.ExternalDataInfo(tensor)
            file.seek(-file.tell() % PAGE, os.SEEK_CUR)
            start = file.tell()
            with (path.parent / old.location).open("rb") as source:
                source.seek(old.offset or 0)
                _copy(source, file, old.length or -1)
            file.truncate()
            place = {"location": target.name, "offset": start, "length": file.tell() - start}
            del tensor.external_data[:]
            tensor.external_data.extend(
                onnx.StringStringEntryProto(key=key, value=str(value)) for key, value in place.items()
            )
    graph.metadata_props.add(key="weights_sha256", value=sha256(target))
    return graph


def _copy(source: IO[bytes], target: IO[bytes], length: int) -> None:
    """Copy bytes in pieces, -1: to the end; zeros take no place on the disk."""
    while piece := source.read(min(length, PIECE) if length >= 0 else PIECE):
        if piece == bytes(len(piece)):
            target.seek(len(piece), os.SEEK_CUR)
        else:
            target.write(piece)
        length -= len(piece) if length >= 0 else 0


def runner(path: Path, outputs: list[str]) -> Callable[[Arrays], list[np.ndarray]]:
    """A function that computes the outputs of a graph with ONNX Runtime on CPU.

    Raises UserError if ONNX Runtime refuses the graph, and the function does if it refuses inputs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of classes that ONNX Runtime does not name publicly
        with reading(path):
            onnx.checker.check_model(path)
        raise UserError(
            f"ONNX Runtime cannot run {path}: {_first(error)}.", "see export.opset and the operators"
        ) from error

    def compute(inputs: Arrays) -> list[np.ndarray]:
        try:
            return list(session.run(outputs, as_text(inputs)))
        except Exception as error:
            given = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
            hint = "see profile, and example of the model file"
            raise UserError(f"ONNX Runtime cannot run {path} with {given}: {_first(error)}.", hint) from error

    return compute


def _first(error: Exception) -> str:
    """The reason in ONNX Runtime's message, without the place in its own code."""
    line = str(error).strip().partition("\n")[0].removesuffix(".")
    return re.sub(r"/\S+:\d+ .*?\) ", "", line)


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
    """A size or a name; some exporters write -1 for a free axis."""
    return axis.dim_value if axis.dim_value > 0 else axis.dim_param or None
