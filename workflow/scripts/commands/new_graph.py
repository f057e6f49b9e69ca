"""What make new finds in an ONNX graph: what it says of itself, and what it shows when ONNX Runtime runs it.

A graph seldom says how an output's sizes follow from those of the inputs, or which sizes it takes. Trying it does.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from model import graph
from model.graph import Value
from model.shapes import Shapes
from model.signature import Signature, Tensor
from model.tensors import DTYPES, Arrays, made_up
from program.cli import UserError

Axis = int | str | None
Sizes = Mapping[str, int]  # by the name of the axis
Example = Callable[..., Arrays]
# Sizes of axes that vary to start with: min, opt and max, as they are tried. Many models go in steps of 32, and some
# take a single size.
RANGES = [
    *((size, 2 * size, 4 * size) for size in (16, 32, 64, 128, 256)),
    *((size, size, size) for size in (16, 32, 64, 128, 256, 512, 1024)),
]


@dataclass(frozen=True)
class Tried:
    """Inputs and outputs of a graph; the sizes at which its axes start; why it ran at none, empty when it did."""

    model: Signature
    sizes: tuple[int, int, int] = RANGES[0]
    fault: str = ""


@dataclass(frozen=True)
class Run:
    """One answer of the graph: the sizes of the axes and of the batch, and the shape of each output."""

    sizes: Sizes
    batch: int
    shapes: Sequence[Sequence[int]]


def tried(path: Path, example: Example | None, refused: Callable[[Shapes], str] = lambda shapes: "") -> Tried:
    """What a graph takes and gives; `example` makes inputs that are no floats. Raises UserError for one without use.

    `refused`: why another framework does not take inputs of some shapes. Sizes that all take come first.
    """
    found = graph.read(path)
    inputs, outputs = graph.inputs(found), graph.outputs(found)
    compute = graph.runner(path, [value.name for value in outputs])
    guesses = [_described(inputs, outputs, batching) for batching in (True, False)]
    if not all(_has_batches(value) for value in (*inputs, *outputs)):
        guesses = guesses[1:]
    fault = ""
    for model in guesses:
        ran = []
        for sizes in RANGES if _axes(model) else RANGES[:1]:
            try:
                runs = [*_runs(model, sizes, compute, example)]
            except UserError as error:
                fault = str(error).partition(" Hint: ")[0]
                continue
            if model.batching and any(not shape or shape[0] != run.batch for run in runs for shape in run.shapes):
                break
            ran.append(Tried(replace(model, outputs=[*_followed(model, runs)]), sizes))
            if not refused(_shapes(model, dict.fromkeys(_axes(model), sizes[0]), [1] if model.batching else [])):
                return ran[-1]
        if ran:
            return ran[0]
    return Tried(guesses[0], fault=fault)


def smallest(found: Tried, example: Example | None) -> Arrays:
    """One request of the smallest sizes tried."""
    model = found.model
    return _request(model, dict.fromkeys(_axes(model), found.sizes[0]), 1, example)


def inputs_of(path: Path) -> list[Tensor]:
    """The inputs of a graph, with their batch axes where it has batches."""
    return [Tensor(value.name, value.dtype, value.axes) for value in graph.inputs(graph.read(path))]


def _has_batches(value: Value) -> bool:
    """Whether the first axis of a tensor is free, as far as the graph says."""
    return bool(value.axes) and not isinstance(value.axes[0], int)


def _described(inputs: Sequence[Value], outputs: Sequence[Value], batching: bool) -> Signature:
    """The tensors of a graph as the config writes them; the axes of outputs that no input has are free."""
    taken = [
        Tensor(one.name, one.dtype, [_axis(one, place, inputs, batching) for place in range(batching, len(one.axes))])
        for one in inputs
    ]
    written = {
        said: axis
        for one, tensor in zip(inputs, taken)
        for said, axis in zip(one.axes[batching:], tensor.dims)
        if isinstance(said, str)
    }
    given = [
        Tensor(
            one.name,
            one.dtype,
            [axis if isinstance(axis, int) else written.get(str(axis)) for axis in one.axes[batching:]],
        )
        for one in outputs
    ]
    return Signature(taken, given, batching)


def _axis(own: Value, place: int, inputs: Sequence[Value], batching: bool) -> int | str:
    """A size, or the name of an axis that varies. A batch axis that Triton cannot batch is 1: one request's."""
    axis = own.axes[place]
    if isinstance(axis, int):
        return axis
    named = axis is not None and re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", axis) is not None
    if not batching and (_says_batch(axis) if named else _stands_as_batch(own, place, inputs)):
        return 1
    if named and axis is not None and axis != "batch":
        return axis
    prefix = re.sub("[^A-Za-z0-9_]", "_", own.name) if len(inputs) > 1 else "axis"
    return f"{prefix if re.match('[A-Za-z_]', prefix) else 'axis'}_{place}"


def _says_batch(name: str | None) -> bool:
    return name is not None and ("batch" in name.lower() or name in ("n", "N", "b", "B"))


def _stands_as_batch(own: Value, place: int, inputs: Sequence[Value]) -> bool:
    """An axis without a name at the place of the batch: the first, or the second of a recurrent state."""
    first_of_another = any(one.axes and not isinstance(one.axes[0], int) for one in inputs if one is not own)
    return place == 0 or (place == 1 and len(own.axes) == 3 and isinstance(own.axes[0], int) and first_of_another)


def _axes(model: Signature) -> list[str]:
    """The names of the axes of inputs, each once."""
    return list(dict.fromkeys(axis for one in model.inputs for axis in one.dims if isinstance(axis, str)))


def _shapes(model: Signature, sizes: Sizes, before: list[int]) -> Shapes:
    """The shapes of the inputs with axes of these sizes, after those that are given."""
    return {
        one.name: [*before, *(axis if isinstance(axis, int) else sizes[str(axis)] for axis in one.dims)]
        for one in model.inputs
    }


def _runs(
    model: Signature,
    sizes: tuple[int, int, int],
    compute: Callable[[Arrays], list[np.ndarray]],
    example: Example | None,
) -> Iterator[Run]:
    """Answers at min, opt and max, and with each axis alone at max where it can be. Raises UserError if one fails."""
    axes = _axes(model)

    def answer(chosen: Sizes, batch: int) -> Run:
        return Run(chosen, batch, [np.shape(one) for one in compute(_request(model, chosen, batch, example))])

    low, opt, high = (dict.fromkeys(axes, size) for size in sizes)
    yield answer(low, 1)
    yield answer(opt, 2 if model.batching else 1)
    yield answer(high, 1)
    for axis in axes if len(axes) > 1 else ():
        try:
            yield answer(opt | {axis: high[axis]}, 1)
        except UserError:  # axes that go together
            continue


def _request(model: Signature, sizes: Sizes, batch: int, example: Example | None) -> Arrays:
    made = made_up(model.inputs, _shapes(model, sizes, [batch]), example)
    return made if model.batching else {name: np.asarray(array[0]) for name, array in made.items()}


def _followed(model: Signature, runs: Sequence[Run]) -> Iterator[Tensor]:
    """The outputs, whose free axes are written as they follow from the inputs' in every run, or as free."""
    for place, tensor in enumerate(model.outputs):
        seen = [run.shapes[place][model.batching :] for run in runs]
        dims = [
            axis
            if isinstance(axis, int)
            else _follows(axis, [(run.sizes, shape[at]) for run, shape in zip(runs, seen)], model.batching)
            for at, axis in enumerate(tensor.dims)
        ]
        yield replace(tensor, dims=dims)


def _follows(said: Axis, seen: Sequence[tuple[Sizes, int]], batching: bool) -> Axis:
    """An axis of an output as it follows in every run: an axis of an input, its multiple or fraction, or a size."""
    (sizes, size), *_ = seen
    if isinstance(said, str) and all(one[said] == found for one, found in seen):
        return said
    varying = {axis: own for axis, own in sizes.items() if len({one[axis] for one, _ in seen}) > 1}
    for axis, own in varying.items():
        times, part = size // own, own // max(size, 1)
        if times and all(one[axis] * times == found for one, found in seen):
            return axis if times == 1 else f"{times}*{axis}"
        if part and all(one[axis] // part == found for one, found in seen):
            return f"{axis}/{part}"
    # What never changes is a size, if all that may decide it did.
    same = size > 0 and all(found == size for _, found in seen)
    return size if same and len(varying) == len(sizes) and (varying or batching) else None


EXAMPLE = '''\
"""Example inputs of {graph}, written by make new. Change them to what the model may be asked."""

import numpy as np


def example(shapes, generator):
    """Inputs of the shapes, one sample after another along the first axis."""
    return {{
{inputs}
    }}
'''


def example_of(path: Path, tensors: Sequence[Tensor], ends: Mapping[str, int] = MappingProxyType({})) -> str:
    """The text of a model file with `example`: integers below `ends`, or else below 2.

    Vocabularies, masks and classes have 0 and 1.
    """
    lines = [f"        {tensor.name!r}: {_made(tensor, max(ends.get(tensor.name, 2), 2))}," for tensor in tensors]
    return EXAMPLE.format(graph=path.name, inputs="\n".join(lines))


def _made(tensor: Tensor, end: int) -> str:
    shape = f"shapes[{tensor.name!r}]"
    if tensor.dtype == "BYTES":
        return f'np.full({shape}, "text", np.object_)'
    if tensor.dtype == "BOOL":
        return f"generator.integers(0, 2, {shape}).astype(np.bool_)"
    kind = np.dtype(DTYPES[tensor.dtype]).name
    made = "standard_normal(" if tensor.dtype.startswith("FP") else f"integers(0, {end}, "
    return f"generator.{made}{shape}).astype(np.{kind})"
