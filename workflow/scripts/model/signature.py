"""The inputs and outputs of a model, as the configuration describes them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tensor:
    """One input or output: Triton's data type; dims without the batch axis, sizes or names of axes that vary.

    scores: whether it is an output of class scores, the largest of which is the answer.
    """

    name: str
    dtype: str
    dims: list[int | str]
    scores: bool = False


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs, each in the order of the module's arguments and results."""

    inputs: list[Tensor]
    outputs: list[Tensor]


def names(tensors: Iterable[Tensor]) -> list[str]:
    """The names of inputs or outputs, in order."""
    return [tensor.name for tensor in tensors]
