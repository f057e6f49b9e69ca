"""What a compiled engine says of itself: its layers, their precisions, and TensorRT's profiles.

OpenVINO describes each layer of its execution graph by a few properties. TensorRT describes an engine as JSON (its
inspector, and trtexec's --exportLayerInfo) and, in the same terms, as text in the builder's log. TensorRT 10 lists
`Bindings`; TensorRT 11 and TensorRT-RTX list `I/O Tensors` with their profiles.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.shapes import Shapes

# The backends' names of arithmetic types, least precise first. Integers, which shapes have, are not among them.
_TYPES = {
    "INT4": "int4", "FP4": "fp4", "FP8": "fp8", "INT8": "int8", "BF16": "bf16", "BFLOAT16": "bf16",
    "FP16": "fp16", "HALF": "fp16", "FP32": "fp32", "FLOAT": "fp32",
    # OpenVINO's.
    "I8": "int8", "U8": "int8", "F16": "fp16", "F32": "fp32",
}  # fmt: skip
_RANK = {name: rank for rank, name in enumerate(dict.fromkeys(_TYPES.values()))}
# OpenVINO's layers that compute nothing, and those that multiply matrices.
_MOVES = {"Input", "Output", "Reshape", "Reorder", "Convert", "Concatenation", "Split", "Transpose", "Gather"}
_MULTIPLIES = {"Convolution", "Deconvolution", "FullyConnected", "MatMul", "RNNSeq", "ScaledDotProductAttention"}


@dataclass(frozen=True)
class Layer:
    """One layer of an engine.

    precision: empty if it computes only shapes. share: its share of the time of one inference, 0 to 1, or None.
    """

    name: str
    kind: str
    precision: str
    share: float | None = None


@dataclass(frozen=True)
class Description:
    """TensorRT's description of an engine; `profiles` is empty if it has none."""

    layers: Sequence[Layer]
    profiles: Sequence[Mapping[str, Shapes]]


def from_json(document: Mapping[str, Any]) -> Description:
    """From the inspector's JSON. Without detailed profiling verbosity layers are only names, and are left out."""
    layers = [
        Layer(one["Name"], one.get("LayerType", ""), _precision(_type(end) for end in _ends(one)))
        for one in document["Layers"]
        if isinstance(one, Mapping)
    ]
    tensors = {
        one["Name"]: [_bounds(part) for part in one.get("ProfileInfo", [])]
        for one in document.get("I/O Tensors", [])
        if one["IOMode"] == "Input"
    }
    return Description(layers, _profiles(tensors))


def from_openvino(graph: Iterable[tuple[str, Mapping[str, str]]]) -> list[Layer]:
    """From the names and properties in OpenVINO's execution graph, without its constants."""
    return [
        Layer(name, found["layerType"], "" if found["layerType"] in _MOVES else _precision([found["runtimePrecision"]]))
        for name, found in graph
        if found["layerType"] != "Const"
    ]


def multiplying(layers: Sequence[Layer]) -> Sequence[Layer]:
    """The layers of OpenVINO that multiply matrices, on which the time goes; all layers where there are none."""
    return [layer for layer in layers if layer.kind in _MULTIPLIES] or layers


def from_text(text: str) -> Description:
    """From the description in the builder's log, which begins with `Layers:`."""
    described, _, rest = text.removeprefix("Layers:\n").partition("\nI/O Tensors:\n")
    layers = []
    for line in described.splitlines():
        found = re.match(
            r"Name: (.*?), LayerType: (\w+), Inputs: (\[.*\]), Constants: .*, Outputs: (\[.*\]), Tac", line
        )
        if found:
            types = re.findall(r"Datatype: (\w+)", found[3] + found[4])
            layers.append(Layer(found[1], found[2], _precision(types)))
    tensors = {
        found[1]: [dict(re.findall(r"(\w+Shape): \[([\d,]+)\]", part)) for part in found[2].split("}, {")]
        for found in re.finditer(r"Name: (.*?), IOMode: Input, .*?ProfileInfo: \[(.*)\]", rest)
    }
    return Description(
        layers,
        _profiles({name: [_bounds(_numbers(part)) for part in parts] for name, parts in tensors.items()}),
    )


def obtained(layers: Iterable[Layer], tf32: bool) -> str:
    """The precisions of the layers, most frequent first: `fp16`, or `fp16 and fp32` if they differ.

    `tf32`: whether fp32 may be computed in tf32, which layers do not report.
    """
    counts = Counter(layer.precision for layer in layers if layer.precision)
    names = ["tf32" if name == "fp32" and tf32 else name for name, _ in counts.most_common()]
    return " and ".join(names) or "unknown"


def with_shares(layers: Iterable[Layer], profile: Iterable[Mapping[str, Any]]) -> list[Layer]:
    """The layers with their shares of the time, from the file of trtexec's --exportProfile."""
    shares = {one["name"]: one["percentage"] / 100 for one in profile if "name" in one}
    return [replace(layer, share=shares.get(layer.name)) for layer in layers]


def _ends(layer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*layer.get("Inputs", []), *layer.get("Outputs", [])]


def _type(tensor: Mapping[str, Any]) -> str:
    """The type of a layer's tensor, from its data type or from the description of its format."""
    words = re.findall(r"\w+", tensor.get("Datatype") or tensor.get("Format/Datatype", ""))
    return next((word for word in words if word.upper() in _TYPES), "")


def _precision(types: Iterable[str]) -> str:
    """The least precise type of a layer's inputs and outputs; so a cast counts as its less precise side."""
    known = [_TYPES[name.upper()] for name in types if name.upper() in _TYPES]
    return min(known, key=_RANK.__getitem__, default="")


def _numbers(shapes: Mapping[str, str]) -> dict[str, list[int]]:
    return {name: [int(size) for size in text.split(",")] for name, text in shapes.items()}


def _bounds(part: Mapping[str, Any]) -> dict[str, list[int]]:
    return {bound.lower(): part[f"{bound}Shape"] for bound in ("Min", "Opt", "Max")}


def _profiles(tensors: Mapping[str, Sequence[Mapping[str, list[int]]]]) -> list[dict[str, Shapes]]:
    """Profiles with their inputs, from inputs with their profiles."""
    count = min((len(parts) for parts in tensors.values()), default=0)
    return [
        {bound: {name: parts[index][bound] for name, parts in tensors.items()} for bound in ("min", "opt", "max")}
        for index in range(count)
    ]
