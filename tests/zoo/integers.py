"""Integers of every size and BOOL, in and out."""

import numpy as np

KINDS = ("UINT8", "INT8", "INT16", "INT32", "INT64", "BOOL")
CONFIG = {
    "model": {
        "inputs": [{"name": kind.lower(), "dtype": kind, "dims": [4]} for kind in KINDS],
        "outputs": [{"name": f"{kind.lower()}_out", "dtype": kind, "dims": [4]} for kind in KINDS],
    },
    "profile": {
        bound: ",".join(f"{kind.lower()}:{batch}x4" for kind in KINDS)
        for bound, batch in (("min", 1), ("opt", 2), ("max", 4))
    },
    "variants": ["openvino", "onnx", "torchscript", "pytriton", "null"],
}


def build():
    import torch

    class Steps(torch.nn.Module):
        def forward(self, *values):
            *numbers, mask = values
            return (*[number[:, [1, 0, 3, 2]] for number in numbers], ~mask)

    return Steps()


def example(shapes, generator):
    sizes = shapes or {kind.lower(): [2, 4] for kind in KINDS}
    made = {name: generator.integers(0, 100, size).astype(name) for name, size in sizes.items() if name != "bool"}
    return made | {"bool": generator.integers(0, 2, sizes["bool"]).astype(np.bool_)}
