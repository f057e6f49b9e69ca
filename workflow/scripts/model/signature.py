"""The inputs and outputs of a model, as the configuration describes them."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tensor:
    """One input or output: Triton's data type; dims without the batch axis: sizes, names of axes that vary, or None.

    None is an axis that is free and follows from nothing that is known. dims: [] is one value per sample.
    scores: whether it is an output of class scores, the largest of which is the answer.
    """

    name: str
    dtype: str
    dims: list[int | str | None]
    scores: bool = False

    @property
    def served(self) -> list[int | str | None]:
        """The dims as clients see them: Triton has no tensor without dims, so a single value is an axis of 1."""
        return self.dims or [1]


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs, each in the order of the module's arguments and results.

    batching: whether their first axis is the batch, which the dims leave out. Without it the dims are complete, and the
    model answers one request at a time.
    state: inputs, by name, that take what an output gave for the request before of the same sequence, zeros at first.
    """

    inputs: list[Tensor]
    outputs: list[Tensor]
    batching: bool = True
    state: dict[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> list[Tensor]:
        """The inputs that clients send where the server keeps the state."""
        return [tensor for tensor in self.inputs if tensor.name not in self.state]

    @property
    def answered(self) -> list[Tensor]:
        """The outputs that they get."""
        return [tensor for tensor in self.outputs if tensor.name not in self.state.values()]


def names(tensors: Iterable[Tensor]) -> list[str]:
    """The names of inputs or outputs, in order."""
    return [tensor.name for tensor in tensors]
