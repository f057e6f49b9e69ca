"""Real samples as perf_analyzer's --input-data, so that the load is not one tensor again and again."""

import json

from models.reference import Reference


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
