"""The interface of a model file (`model.file` in the config), and how a trained model is stored.

A model file is a Python file that can be imported without PyTorch: only its functions import PyTorch. It has

- `build(**arguments) -> torch.nn.Module`: the module. It takes one positional argument per input of the config, in
  order. It returns a tensor, or a tuple, list, dict or dataclass of tensors, also nested: model/outputs.py says in
  which order they are the outputs of the config. `arguments` is `model.arguments` of the config.

Everything else is optional. The workflow reads the file before the first job, without running it, to see what it has:
- `example(shapes, generator) -> dict[str, np.ndarray]`: inputs of exactly these shapes (name to sizes, batch first),
  made with `generator`, a numpy Generator; for `shapes=None` a batch of a usual size. Without `example` inputs are
  standard normal numbers, so integer inputs need it.
- `DATASETS`, a literal: the data sets by name, each with the keys of `dataset` in the config that its content depends
  on. `dataset(settings, downloads) -> (train, test)` returns the one that `settings["source"]` names, as two dicts of
  arrays, batch first: raw samples, then `labels` [n] if they are known. It downloads files to the directory
  `downloads`. `DATASET_LIMITS`, a literal: bounds of those keys, by key as pydantic's Field takes
  them: `{"test_size": {"ge": 10, "multiple_of": 10}}`.
- `prepare(samples) -> dict[str, np.ndarray]`: turns raw samples into the module's inputs, by name. A data set needs it.
- `train(module, inputs, labels, settings) -> float`: trains `module` in place on prepared inputs and returns the loss.
  `settings` is `train` of the config. models/training.py has a loop for classifiers. Without `train` the weights are
  those of `build` (seeded with `train.seed`) or those in the file `model.weights`.
- `interpret(*outputs) -> dict[str, np.ndarray]`: turns the module's outputs, in order, into an answer, batch first,
  with the names of `model.raw.outputs`. `bls`, `ensemble` and the client need it.
- `decode(data) -> np.ndarray`: turns the bytes of a file into one raw sample; raises ValueError if they are not one.
  `bls` and the client need it.
- `metrics(shapes, throughput) -> dict[str, float]`: more columns of perf_summary, for a load of these shapes (name to
  sizes of one sample) at `throughput` samples per second.

The file travels into repositories as `processing.py`. So it may import the project's modules only inside `dataset`,
`train`, `example` and `metrics`, which are not called there.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from model.outputs import evaluating, tensors_of
from model.source import limited, load_file
from model.tensors import Arrays
from program.cli import UserError
from program.files import anew, reading, require_sound_zip

if TYPE_CHECKING:
    import torch


def built(source: ModuleType, arguments: Mapping[str, Any]) -> "torch.nn.Module":
    """The module of a model file. Raises UserError if `build` raises, as for arguments that it does not accept."""
    try:
        with limited():
            module: torch.nn.Module = source.build(**arguments)
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise UserError(f"build({given}) of the model file fails: {error}.", "see model.arguments") from error
    return module


def split(path: Path) -> tuple[np.ndarray, Any]:
    """The raw samples [n, …] of train.npz or test.npz, and their labels [n] or None.

    Raises UserError when it is damaged.
    """
    with reading(path), np.load(path) as data:
        samples, labels = data[data.files[0]], data["labels"] if "labels" in data.files else None
    return samples, labels


def checkpoint(module: "torch.nn.Module", model_file: Path, arguments: Mapping[str, Any]) -> bytes:
    """The bytes of model.pt: the weights, and the model file and arguments that build their module.

    It is written in memory, because torch.save writes the name of its file into the bytes.
    """
    import torch

    buffer = io.BytesIO()
    content = {"state_dict": module.state_dict(), "model_file": model_file.as_posix(), "arguments": dict(arguments)}
    torch.save(content, buffer)
    return buffer.getvalue()


def load_checkpoint(path: Path) -> tuple["torch.nn.Module", ModuleType]:
    """The trained module in evaluation mode, and its model file.

    It loads only weights, so a model.pt cannot carry code. Raises UserError if the file is not one of this workflow.
    """
    import torch

    try:
        # PyTorch does not look at the checksums.
        require_sound_zip(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        source = load_file(_find(Path(content["model_file"])), "build")
        module = built(source, content["arguments"])
        module.load_state_dict(content["state_dict"])
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "make perf_report makes artifacts/<run>/model/model.pt") from None
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path} is not a model.pt of this workflow ({_short(error)}).", anew(path)) from error
    return evaluating(module), source


def load_weights(module: "torch.nn.Module", path: Path) -> None:
    """Load a state_dict into `module`. Raises UserError if the file has none or does not fit the module."""
    import torch

    try:
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        hint = "save the state_dict of the module that build returns, with torch.save"
        raise UserError(f"model.weights: {path} does not fit the model ({_short(error)}).", hint) from error


def _short(error: Exception) -> str:
    """The type and the first two lines of an error, because PyTorch's messages are pages long."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join([type(error).__name__, *lines[:2]])


def _find(model_file: Path) -> Path:
    """A relative model file starts from the working directory, or else from the project."""
    from_project = Path(__file__).parents[3] / model_file
    return model_file if model_file.is_file() or not from_project.is_file() else from_project


def predict(
    module: "torch.nn.Module", inputs: Arrays, batch_size: int = 500, batching: bool = True
) -> list[np.ndarray]:
    """The module's outputs for `inputs`, batch first, computed in batches of `batch_size`.

    Without `batching` the module has no batch axis, and gets one sample after another.
    """
    import torch

    def one(batch: Arrays) -> list[np.ndarray]:
        with torch.inference_mode():
            result = module(*[torch.from_numpy(array) for array in batch.values()])
        return [part.numpy() for part in tensors_of(result)]

    return in_batches(one, inputs, batch_size) if batching else one_by_one(one, inputs)


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of samples whose largest output is the label, 0 to 1. outputs [n, classes], labels [n]."""
    return float((outputs.argmax(1) == labels).mean())


def one_by_one(function: Callable[[Arrays], list[np.ndarray]], inputs: Arrays) -> list[np.ndarray]:
    """The outputs of `function`, which knows no batch axis, for one sample of `inputs` after another, batch first.

    It ends before the first sample whose outputs have other sizes: an array holds samples of one size.
    """
    parts: list[list[np.ndarray]] = []
    for place in range(len(next(iter(inputs.values())))):
        sample = {name: np.asarray(array[place]) for name, array in inputs.items()}
        outputs = [np.asarray(output) for output in function(sample)]
        if parts and any(output.shape != first.shape for output, first in zip(outputs, parts[0])):
            break
        parts.append(outputs)
    return [np.stack(outputs) for outputs in zip(*parts)]


def in_batches(function: Callable[[Arrays], list[np.ndarray]], inputs: Arrays, batch_size: int) -> list[np.ndarray]:
    """The outputs of `function` for consecutive batches of `inputs`, concatenated along the batch axis."""
    count = len(next(iter(inputs.values())))
    parts = [
        function({name: array[start : start + batch_size] for name, array in inputs.items()})
        for start in range(0, count, batch_size)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts)]
