"""What the workflow asks of a model file (`model.file` in the config), and how a trained model is kept.

A model file is a Python module that can be imported without PyTorch (its functions import it) and has
- `build() -> torch.nn.Module`: the module, untrained, one positional argument per input;
- `prepare(images) -> dict[str, np.ndarray]`: images uint8 [n, …] to the inputs of the module, by name, batch first;
- `interpret(*outputs) -> dict[str, np.ndarray]`: the module's outputs, in order, as an answer, by the names of
  `model.raw.outputs`, batch first;
- optionally `decode(data) -> np.ndarray`: the bytes of a file as one raw sample; ValueError when they are not one;
- optionally `augment(inputs, generator) -> torch.Tensor`: the training inputs distorted at random, once an epoch.
"""

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from program.cli import UserError

if TYPE_CHECKING:
    import torch

Arrays = dict[str, np.ndarray]


def load_file(path: Path) -> ModuleType:
    """Import a model file. Raises UserError when it is missing or lacks a function."""
    if not path.is_file():
        raise UserError(f"model file {path} does not exist.", "it is named by model.file in the config")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("build", "prepare", "interpret"):
        if not callable(getattr(module, name, None)):
            raise UserError(f"{path} has no function {name}.", "workflow/scripts/models/interface.py says what it does")
    return module


def checkpoint(module: "torch.nn.Module", model_file: Path) -> bytes:
    """The bytes of model.pt: weights, and the model file that builds the module around them.

    Saved through memory, because torch.save would put the name of a file into its bytes.
    """
    import torch

    buffer = io.BytesIO()
    torch.save({"state_dict": module.state_dict(), "model_file": model_file.as_posix()}, buffer)
    return buffer.getvalue()


def load_checkpoint(path: Path) -> tuple["torch.nn.Module", ModuleType]:
    """The trained module, in evaluation mode, and its model file.

    Loads weights only: a model.pt can carry no code. Raises UserError when it is not one of this workflow's.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        source = load_file(_find(Path(content["model_file"])))
        module = source.build()
        module.load_state_dict(content["state_dict"])
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "snakemake train makes artifacts/<run>/model/model.pt") from None
    except UserError:
        raise
    except Exception as error:
        # PyTorch's messages go on for pages.
        fault = " ".join([type(error).__name__, *str(error).splitlines()[:1]])
        raise UserError(f"{path} is not a model.pt of this workflow ({fault}).") from error
    return module.eval(), source


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


def in_batches(function: Callable[[Arrays], list[np.ndarray]], inputs: Arrays, batch_size: int) -> list[np.ndarray]:
    """Apply `function` to consecutive batches of `inputs` and concatenate each output along the batch axis."""
    count = len(next(iter(inputs.values())))
    parts = [
        function({name: array[start : start + batch_size] for name, array in inputs.items()})
        for start in range(0, count, batch_size)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts)]
