"""Real samples as perf_analyzer's --input-data, so that the load is not one tensor again and again."""

import json

from tritonclient.utils import np_to_triton_dtype

from model.reference import Reference


def as_json(reference: Reference) -> str:
    """One step per sample; shapes without the batch axis, contents in row-major order."""
    count = len(next(iter(reference.inputs.values())))
    steps = [
        {
            name: {"content": array[index].ravel().tolist(), "shape": list(array.shape[1:])}
            for name, array in reference.inputs.items()
        }
        for index in range(count)
    ]
    return json.dumps({"data": steps})


def as_request(reference: Reference, names: list[str]) -> str:
    """The samples as one inference request in Triton's JSON, under the served model's input names."""
    tensors = [
        {
            "name": name,
            "datatype": np_to_triton_dtype(array.dtype),
            "shape": list(array.shape),
            "data": array.ravel().tolist(),
        }
        for name, array in zip(names, reference.inputs.values())
    ]
    return json.dumps({"inputs": tensors})
