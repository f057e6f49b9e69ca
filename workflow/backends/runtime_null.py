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
    before = 1 if config["max_batch_size"] else 0

    def infer(batch):
        sizes = {axis: size for dims, array in zip(inputs, batch) for axis, size in zip(dims, array.shape[before:])}
        batch_axis = batch[0].shape[:before]
        return [_zeros([*batch_axis, *(_size(axis, sizes) for axis in dims)], dtype) for dims, dtype in outputs]

    return infer


def _zeros(shape, dtype):
    """Zeros, which are empty strings where the output holds strings."""
    return np.full(shape, b"", dtype) if dtype == np.object_ else np.zeros(shape, dtype)


def _size(axis, sizes):
    """The size of an axis: a number, a name in `sizes`, or a multiple or fraction of one (`256*frames`, `frames/4`)."""
    if isinstance(axis, int):
        return axis
    factor, _, rest = axis.rpartition("*")
    name, _, divisor = rest.partition("/")
    return int(factor or 1) * sizes[name] // int(divisor or 1)
