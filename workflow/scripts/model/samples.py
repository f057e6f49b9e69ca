"""Samples for measuring, of any shape: from the reference, or generated in the same way."""

from collections.abc import Sequence
from pathlib import Path

from model import shapes
from model.reference import Reference
from model.signature import Tensor
from model.source import load_file
from model.tensors import made_up


def of_shape(
    groups: Sequence[Reference], shape: str, count: int, inputs: Sequence[Tensor], model_file: Path | None
) -> Reference:
    """`count` samples of a shape, or fewer if the reference has fewer.

    If no group has the shape, `example` of `model_file` or a random generator makes them for `inputs` of the config;
    they have no outputs. Without a shape or without `inputs` the samples are those of the first group.
    """
    if not shape or not inputs:
        return groups[0].first(count)
    wanted = shapes.parse(shape)
    found = next((group for group in groups if group.shapes == wanted), None)
    if found:
        return found.first(count)
    example = load_file(model_file, "example").example if model_file else None
    return Reference(made_up(inputs, {name: [count, *dims] for name, dims in wanted.items()}, example), {})
