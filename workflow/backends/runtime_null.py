"""Runtime that computes nothing and returns zeros: it measures protocol, scheduling and batching alone."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils


def load(directory, config, threads, device):
    # The dims of the configuration, which have names where config.pbtxt has -1.
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
    """The size of an axis: a number, a name in `sizes`, or a multiple of one (`256*frames`)."""
    if isinstance(axis, int):
        return axis
    factor, _, name = axis.rpartition("*")
    return int(factor or 1) * sizes[name]
