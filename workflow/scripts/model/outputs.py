"""The outputs of a PyTorch module as a flat list, whatever it returns them in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def tensors_of(result: Any) -> "list[torch.Tensor]":
    """The tensors in the result of a module, in the order of the outputs of the config.

    A list or tuple gives its items in order, a dict its values in its own order, a dataclass its fields in the order of
    their declaration; what is in them in turn is taken the same way, depth first. None is left out.
    """
    return [tensor for _, tensor in _named(result, "")]


def names_of(result: Any) -> list[str]:
    """A name for each of these tensors: the keys, fields and numbers that lead to it, joined by _.

    >>> names_of(({"boxes": 1, "sizes": [2, 3]}, 4))
    ['0_boxes', '0_sizes_0', '0_sizes_1', '1']
    """
    return [name for name, _ in _named(result, "")]


def _named(result: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every leaf with its name."""
    for key, value in _items(result):
        inner = f"{name}_{key}" if name and key else f"{name}{key}"
        if value is result:
            yield inner, value
        elif value is not None:
            yield from _named(value, inner)


def _items(result: Any) -> list[tuple[str, Any]]:
    """What a container holds, by its keys; anything else is its own only item."""
    # Some classes of results are both, and a dict has what is set alone.
    if isinstance(result, Mapping):
        return [(str(key), value) for key, value in result.items()]
    if is_dataclass(result) and not isinstance(result, type):
        return [(field.name, getattr(result, field.name)) for field in fields(result)]
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return list(zip(result._fields, result))
    if isinstance(result, list | tuple):
        return [(str(place), value) for place, value in enumerate(result)]
    return [("", result)]


def evaluating(module: "torch.nn.Module") -> "torch.nn.Module":
    """The module in evaluation mode; that of an exported program has no modes."""
    try:
        return module.eval()
    except NotImplementedError:
        return module


def flat(module: "torch.nn.Module", inputs: "Sequence[torch.Tensor]") -> "torch.nn.Module":
    """The module with a tensor or a tuple of tensors as its result for these inputs, which every exporter knows.

    It is the module itself where that is its result already.
    """
    import torch

    with torch.inference_mode():
        result = module(*inputs)
    plain = result if type(result) is tuple else (result,)
    if all(isinstance(one, torch.Tensor) for one in plain):
        return module

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(tensors_of(self.module(*inputs)))

    result = Flat()
    result.training = False
    return result
