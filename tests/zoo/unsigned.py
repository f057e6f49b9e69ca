"""A graph of unsigned integers; the model file has nothing but the example inputs that the graph lacks."""

from onnx import TensorProto, helper

KINDS = ("UINT16", "UINT32", "UINT64")
CONFIG = {
    "model": {
        "file": "unsigned.py",
        "inputs": [{"name": kind.lower(), "dtype": kind, "dims": [4]} for kind in KINDS],
        "outputs": [{"name": f"{kind.lower()}_out", "dtype": kind, "dims": [4]} for kind in KINDS],
    },
    "profile": {
        bound: ",".join(f"{kind.lower()}:{batch}x4" for kind in KINDS)
        for bound, batch in (("min", 1), ("opt", 2), ("max", 4))
    },
    "variants": ["onnx", "openvino"],
}


def graph():
    inputs, outputs = (
        [
            helper.make_tensor_value_info(f"{kind.lower()}{end}", getattr(TensorProto, kind), ["batch", 4])
            for kind in KINDS
        ]
        for end in ("", "_out")
    )
    nodes = [helper.make_node("Identity", [one.name], [other.name]) for one, other in zip(inputs, outputs)]
    return helper.make_graph(nodes, "same", inputs, outputs)


def example(shapes, generator):
    return {name: generator.integers(0, 60000, size).astype(name) for name, size in shapes.items()}
