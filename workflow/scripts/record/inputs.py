"""Real samples as perf_analyzer's --input-data, so that the load is not one tensor again and again."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient.utils import np_to_triton_dtype

from model.reference import Reference
from model.signature import Signature
from program.files import write_text

# Of requests that stand alone; clients count theirs from 1.
_SEQUENCE = 2**32 - 1


def write(path: Path, samples: Reference, model: Signature) -> None:
    """Write the samples that the clients of a served model send, for perf_analyzer."""
    write_text(path, as_json(samples.renamed(model)))


def as_json(reference: Reference) -> str:
    """One step per sample; shapes without the batch axis, contents in row-major order."""
    count = len(next(iter(reference.inputs.values())))
    steps = [
        {
            name: {"content": _content(np.asarray(array[index])), "shape": list(array.shape[1:])}
            for name, array in reference.inputs.items()
        }
        for index in range(count)
    ]
    return json.dumps({"data": steps})


def _content(array: np.ndarray) -> Any:
    """Values in row-major order; the bytes of FP16, which perf_analyzer does not read as numbers."""
    if array.dtype == np.float16:
        return {"b64": base64.b64encode(array.tobytes()).decode()}
    return [one.decode() if isinstance(one, bytes) else one for one in array.ravel().tolist()]


def as_request(reference: Reference, names: list[str], sequence: bool = False) -> str:
    """The samples as one inference request in Triton's JSON, under the served model's input names.

    `sequence`: it is one of its own, for a model with state.
    """
    parameters = {"sequence_id": _SEQUENCE, "sequence_start": True, "sequence_end": True} if sequence else {}
    tensors = [
        {
            "name": name,
            "datatype": np_to_triton_dtype(array.dtype),
            "shape": list(array.shape),
            "data": [one.decode() if isinstance(one, bytes) else one for one in array.ravel().tolist()],
        }
        for name, array in zip(names, reference.inputs.values())
    ]
    return json.dumps({**({"parameters": parameters} if sequence else {}), "inputs": tensors})
