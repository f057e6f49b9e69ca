"""What the workflow asks of a model file (`model.file` in the config), and how a model is kept.

A model file is a Python file that can be imported without PyTorch: its functions import it. It has

- `build(**arguments) -> torch.nn.Module`: the module, one positional argument per input of the config, in order; it
  gives a tensor, or a tuple of as many as the config has outputs. `arguments`: `model.arguments` of the config.

Everything else is optional. What is needed of it is known before the first job, because the file is read, not run:
- `example(shapes, generator) -> dict[str, np.ndarray]`: inputs of exactly these shapes (name to sizes, batch first),
  made with `generator`, a numpy Generator; for `shapes=None` a batch of the usual size. Without it inputs are standard
  normal numbers, which integers cannot be.
- `DATASETS`, a literal: the data sets by name, each with the keys of `dataset` in the config that its content depends
  on; and `dataset(settings, downloads) -> (train, test)`: the one that `settings["source"]` names, as two dicts of
  arrays, raw samples first, batch first; `labels` [n] where they are known. Files that it fetches go to the directory
  `downloads`. `DATASET_LIMITS`, a literal: the bounds of those keys, by key as pydantic's Field
  takes them: `{"test_size": {"ge": 10, "multiple_of": 10}}`.
- `prepare(samples) -> dict[str, np.ndarray]`: raw samples to the inputs of the module, by name; needed with a data set.
- `train(module, inputs, labels, settings) -> float`: train `module` in place on prepared inputs, return the loss;
  `settings` is `train` of the config. models/training.py has a loop for classifiers. Without it the weights are those
  of `build` (`train.seed` is set before) or of the file that `model.weights` names.
- `interpret(*outputs) -> dict[str, np.ndarray]`: the module's outputs, in order, as an answer, by the names of
  `model.raw.outputs`, batch first; needed by `bls`, `ensemble` and client.py.
- `decode(data) -> np.ndarray`: the bytes of a file as one raw sample, ValueError when they are not one; needed by `bls`
  and client.py.
- `metrics(shapes, throughput) -> dict[str, float]`: further columns of perf_summary for a load of these shapes (name to
  sizes of one sample) and samples per second.

A repository takes the file along as `processing.py`: what it imports of the project must stand inside `dataset`,
`train`, `example` and `metrics`, which are not called there.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from model.source import load_file
from model.tensors import Arrays
from program.cli import UserError

if TYPE_CHECKING:
    import torch


def built(source: ModuleType, arguments: Mapping[str, Any]) -> "torch.nn.Module":
    """The module of a model file. Raises UserError when `build` does not take the arguments."""
    try:
        module: torch.nn.Module = source.build(**arguments)
    except (TypeError, ValueError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise UserError(f"build({given}) of the model file fails: {error}.", "see model.arguments") from error
    return module


def split(path: Path) -> tuple[np.ndarray, Any]:
    """Raw samples of train.npz or test.npz, and their labels, None where there are none."""
    with np.load(path) as data:
        samples, labels = data[data.files[0]], data["labels"] if "labels" in data.files else None
    return samples, labels


def checkpoint(module: "torch.nn.Module", model_file: Path, arguments: Mapping[str, Any]) -> bytes:
    """The bytes of model.pt: weights, and the model file and arguments that build the module around them.

    Saved through memory, because torch.save would put the name of a file into its bytes.
    """
    import torch

    buffer = io.BytesIO()
    content = {"state_dict": module.state_dict(), "model_file": model_file.as_posix(), "arguments": dict(arguments)}
    torch.save(content, buffer)
    return buffer.getvalue()


def load_checkpoint(path: Path) -> tuple["torch.nn.Module", ModuleType]:
    """The trained module, in evaluation mode, and its model file.

    Loads weights only: a model.pt can carry no code. Raises UserError when it is not one of this workflow's.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        source = load_file(_find(Path(content["model_file"])))
        module = built(source, content["arguments"])
        module.load_state_dict(content["state_dict"])
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "snakemake train makes artifacts/<run>/model/model.pt") from None
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path} is not a model.pt of this workflow ({_short(error)}).") from error
    return module.eval(), source


def load_weights(module: "torch.nn.Module", path: Path) -> None:
    """Load a state_dict into `module`. Raises UserError when the file is none, or one of another module."""
    import torch

    try:
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        hint = "it has to be a state_dict of what build makes, saved with torch.save"
        raise UserError(f"model.weights: {path} does not fit the model ({_short(error)}).", hint) from error


def _short(error: Exception) -> str:
    """The first two lines of an error: PyTorch's messages go on for pages."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join([type(error).__name__, *lines[:2]])


def _find(model_file: Path) -> Path:
    """A relative model file is looked for from the working directory, then from the project."""
    from_project = Path(__file__).parents[3] / model_file
    return model_file if model_file.is_file() or not from_project.is_file() else from_project


def predict(module: "torch.nn.Module", inputs: Arrays, batch_size: int = 500) -> list[np.ndarray]:
    """The module's outputs for `inputs` (batch first), computed in batches."""
    import torch

    def one(batch: Arrays) -> list[np.ndarray]:
        with torch.inference_mode():
            result = module(*[torch.from_numpy(array) for array in batch.values()])
        return [part.numpy() for part in (result if isinstance(result, tuple) else (result,))]

    return in_batches(one, inputs, batch_size)


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of samples whose largest output is the label; outputs [n, classes], labels [n]."""
    return float((outputs.argmax(1) == labels).mean())


def in_batches(function: Callable[[Arrays], list[np.ndarray]], inputs: Arrays, batch_size: int) -> list[np.ndarray]:
    """Apply `function` to consecutive batches of `inputs` and concatenate each output along the batch axis."""
    count = len(next(iter(inputs.values())))
    parts = [
        function({name: array[start : start + batch_size] for name, array in inputs.items()})
        for start in range(0, count, batch_size)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts)]
