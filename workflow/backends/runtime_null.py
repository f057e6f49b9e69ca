"""Computes nothing: what remains is protocol, scheduling and batching, the ceiling of every variant."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils


def load(directory, config, threads, device):
    """Return a function from the list of input arrays to a list of zeros in the shape of the outputs."""
    # As the configuration has them: with names where config.pbtxt says -1.
    axes = json.loads(config["parameters"]["axes"]["string_value"])
    inputs = [axes["inputs"][tensor["name"]] for tensor in config["input"]]
    outputs = [
        (axes["outputs"][tensor["name"]], pb_utils.triton_string_to_numpy(tensor["data_type"]))
        for tensor in config["output"]
    ]

    def infer(batch):
        sizes = {axis: size for dims, array in zip(inputs, batch) for axis, size in zip(dims, array.shape[1:])}
        return [np.zeros([len(batch[0]), *(_size(axis, sizes) for axis in dims)], dtype) for dims, dtype in outputs]

    return infer


def _size(axis, sizes):
    """A size itself, or that of a named axis, which may be a multiple: `256*frames`."""
    if isinstance(axis, int):
        return axis
    factor, _, name = axis.rpartition("*")
    return int(factor or 1) * sizes[name]
