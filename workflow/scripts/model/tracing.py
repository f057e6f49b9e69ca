"""What every exporter starts from: the trained module as one with plain results, and inputs to trace it with."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model import reference
from model.interface import load_checkpoint
from model.outputs import flat
from model.tensors import Arrays


def traceable(model: Path, answers: Path, batching: bool) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """The module in model.pt and the inputs of the reference to trace it with; it gives a tensor or a tuple of them."""
    module, _ = load_checkpoint(model)
    inputs = traced(reference.load(answers)[0].inputs, batching)
    return flat(module, inputs), inputs


def traced(inputs: Arrays, batching: bool) -> tuple[torch.Tensor, ...]:
    """Two samples, because PyTorch takes a batch of one for a fixed axis; without a batch axis one, without it."""
    chosen: slice | int = slice(2) if batching else 0
    return tuple(torch.from_numpy(np.asarray(array[chosen])) for array in inputs.values())


def arguments_of(module: torch.nn.Module, varying: list[Any]) -> tuple[Any, ...]:
    """What is said of each input as torch.export takes it: `forward(*inputs)` has one argument, all of them."""
    code = getattr(module.forward, "__func__", None)
    kinds = [parameter.kind for parameter in inspect.signature(code).parameters.values()][1:] if code else []
    return (tuple(varying),) if kinds == [inspect.Parameter.VAR_POSITIONAL] else tuple(varying)


def reason(error: Exception) -> str:
    """The cause of an exporter's error in one line; its own messages are pages, which belong into the log."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join([f"{type(error).__name__}:", *lines[:1]])
