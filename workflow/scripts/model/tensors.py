"""Inputs and outputs as arrays: generated without a data set, and checked against the config."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from model import shapes
from model.signature import Tensor
from program.cli import UserError

Arrays = dict[str, np.ndarray]
# The data types that a tensor of the config may have, by Triton's names.
DTYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}  # fmt: skip
SEED = 0  # of generated inputs, where no other one is given


def made_up(
    inputs: Sequence[Tensor], given: shapes.Shapes, example: Callable[..., Arrays] | None = None, seed: int = SEED
) -> Arrays:
    """Inputs of exactly these shapes (batch first), from the model file's `example` or standard normal.

    Raises UserError if `example` returns other shapes.
    """
    generator = np.random.default_rng(seed)
    if example is None:
        return {
            tensor.name: np.asarray(generator.standard_normal(given[tensor.name])).astype(DTYPES[tensor.dtype])
            for tensor in inputs
        }
    found = example(given, generator)
    arrays = check(found, inputs, "example of the model file")
    wrong = next((name for name, array in arrays.items() if list(array.shape) != given[name]), None)
    if wrong:
        what = f"returns {wrong} with shape {list(arrays[wrong].shape)} instead of {given[wrong]}"
        raise UserError(f"example of the model file {what}.", "return arrays of exactly the given shapes")
    return arrays


def check(arrays: Mapping[str, np.ndarray], tensors: Sequence[Tensor], source: str) -> Arrays:
    """The arrays in the order of `tensors`, which are inputs or outputs of the config.

    Raises UserError with their `source` if names, types or sizes differ from the config.
    """
    names = [tensor.name for tensor in tensors]
    if set(arrays) != set(names):
        raise UserError(f"{source} gives {', '.join(arrays) or 'nothing'}.", f"the config says {', '.join(names)}")
    for tensor in tensors:
        array = arrays[tensor.name]
        sizes = shapes.sizes(tensor.dims)
        fits = array.ndim == len(sizes) + 1 and all(e in (-1, d) for e, d in zip(sizes, array.shape[1:]))
        if array.dtype != DTYPES[tensor.dtype] or not fits:
            found = f"{array.dtype} of shape {list(array.shape)}"
            wanted = f"{tensor.dtype}, batch first, then {tensor.dims}"
            raise UserError(f"{source} gives {tensor.name} as {found}.", f"the config says {wanted}")
    return {name: arrays[name] for name in names}


def as_text(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays with their strings as str, as ONNX Runtime takes them; Triton gives bytes."""
    return {
        name: np.array([one.decode() if isinstance(one, bytes) else one for one in array.ravel()], object).reshape(
            array.shape
        )
        if array.dtype == object
        else array
        for name, array in arrays.items()
    }


def named(results: Sequence[np.ndarray], tensors: Sequence[Tensor], source: str) -> Arrays:
    """Results by the names of the config's outputs, in order. Raises UserError as `check`, and for another number."""
    if len(results) != len(tensors):
        wanted = f"model.outputs of the config has {len(tensors)}"
        raise UserError(f"{source} gives {len(results)} outputs.", wanted)
    return check(dict(zip([tensor.name for tensor in tensors], results)), tensors, source)
