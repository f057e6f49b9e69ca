"""Write the configuration of a model of your own by looking at its model file: make new MODEL=path.

Builds the module, lets `example` make inputs and runs it with two batch sizes: names, dtypes and dims are
what came out.
The configuration lies beside the model file, holds what differs from config/config.yaml, and is yours to change.
"""

import argparse
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from tritonclient.utils import np_to_triton_dtype

from model import shapes
from model.interface import predict
from model.source import load_file
from model.tensors import Arrays
from program import cli
from program.cli import UserError, log
from program.files import write_text
from serve.variants import OFFERED

if TYPE_CHECKING:
    import torch

# Batch sizes to start with.
BATCHES = {"min": 1, "opt": 8, "max": 32}
INTERFACE = "workflow/scripts/model/interface.py says what a model file has"

SKELETON = """\
# Written by make new: what of config/config.yaml is different for {name}. Every key is explained there.
#   make perf_report CONFIG={config}

# Outputs go to artifacts/{run}/.
run: {run}

model:
  # Prefix of the served models' names.
  name: {run}
  file: {file}
  # Keyword arguments of build.
  arguments: {{}}
  # A file with a state_dict; "" leaves the weights as build makes them, which train.seed decides.
  weights: ""
  # In the order of the module's arguments, without the batch axis, which is always dynamic. For another axis that
  # varies write a name in the place of its size, the same name for all that share it, and vary it in the profile.
  inputs:
{inputs}
  # Names are yours to choose. An axis that follows an input's has its name, or is a multiple of it: [1, 256*frames].
  # Add scores: true to an output of class scores, so that agreement and accuracy count its largest one.
  outputs:
{outputs}
  # What bls and ensemble take and give; null where clients bring tensors.
  raw: null

dataset:
  # null: inputs come from example, and accuracy is not defined.
  source: {source}

# Bounds of what is served, and the shape that engines are tuned for. Measure before you raise max: memory and the time
# of a health check grow with it.
profile:
{profile}

# Each is built, checked and measured; leave out what you have no use for. aotinductor may take minutes to compile.
variants: {variants}

# Engines for GPUs that this machine does not have: [tensorrt_rtx].
engines: []

# Names of PyTriton's model and tensors.
pytriton: {pytriton}
"""


@dataclass(frozen=True)
class Seen:
    """Inputs and outputs of one call of a module, by name, batch first; its data sets."""

    inputs: Arrays
    outputs: Arrays
    datasets: list[str]


def look_at(path: Path) -> Seen:
    """Call what a model file has. Raises UserError when something is missing, fails, or has no batch axis."""
    source = _called(path, "the import", load_file, path, "example")
    module = _called(path, "build", source.build).eval()
    one = _inputs(path, source, module, None)
    doubled = {name: [2 * len(array), *array.shape[1:]] for name, array in one.items()}
    two = _inputs(path, source, module, doubled)
    count = len(next(iter(one.values())))
    results = [_called(path, "the module", predict, module, given, len(_first(given))) for given in (one, two)]
    for number, (single, double) in enumerate(zip(*results)):
        if (len(single), len(double)) != (count, 2 * count):
            raise UserError(
                f"{path}: output {number} has the shape {list(single.shape)} for a batch of {count}.",
                "the first axis of every input and output is the batch",
            )
    names = ["output"] if len(results[0]) == 1 else [f"output_{number}" for number in range(len(results[0]))]
    return Seen(one, dict(zip(names, results[0])), list(getattr(source, "DATASETS", {})))


def _inputs(path: Path, source: ModuleType, module: "torch.nn.Module", wanted: shapes.Shapes | None) -> Arrays:
    """What `example` makes, in the order in which the module takes it. Raises UserError for shapes not wanted."""
    made: Arrays = _called(path, "example", source.example, wanted, np.random.default_rng(0))
    found = {name: list(array.shape) for name, array in made.items()}
    if wanted and found != wanted:
        raise UserError(f"{path}: example made {found} where {wanted} was wanted.", INTERFACE)
    taken = list(inspect.signature(module.forward).parameters)
    return {name: made[name] for name in taken} if set(taken) == set(made) else made


def _first(arrays: Arrays) -> np.ndarray:
    return next(iter(arrays.values()))


def _called(path: Path, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function of the model file. Raises UserError when it fails, naming the exception."""
    try:
        return function(*arguments)
    except UserError:
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise UserError(f"{path}: {name} fails: {type(error).__name__}: {first}.", INTERFACE) from error


def skeleton(seen: Seen, model_file: Path, run: str, config: Path) -> str:
    """The text of the configuration."""
    dims = {name: list(array.shape[1:]) for name, array in seen.inputs.items()}
    profile = {
        bound: shapes.format({name: [batch, *sizes] for name, sizes in dims.items()})
        for bound, batch in BATCHES.items()
    }
    pytriton = {"name": f"{run}_pytriton", "inputs": list(seen.inputs), "outputs": list(seen.outputs)}
    return SKELETON.format(
        name=model_file.name,
        run=_flow(run),
        file=_flow(model_file.as_posix()),
        config=config,
        inputs=_tensors(seen.inputs),
        outputs=_tensors(seen.outputs),
        variants=_flow(list(OFFERED)),
        source=_flow(seen.datasets[0] if seen.datasets else None),
        profile="\n".join(f"  {bound}: {_flow(text)}" for bound, text in profile.items()),
        pytriton=_flow(pytriton),
    )


def _tensors(arrays: Arrays) -> str:
    """Inputs or outputs as lines of the configuration."""
    tensors = [
        {"name": name, "dtype": np_to_triton_dtype(array.dtype), "dims": list(array.shape[1:])}
        for name, array in arrays.items()
    ]
    return "\n".join(f"    - {_flow(tensor)}" for tensor in tensors)


def _flow(value: Any) -> str:
    """A value as YAML on one line, quoted where it has to be."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).splitlines()[0]


def main(options: argparse.Namespace) -> None:
    if not options.model.is_file():
        raise UserError(f"{options.model} is no file.", "--model path/to/model.py")
    model_file = options.model.resolve()
    run = options.run or model_file.stem
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", run):
        raise UserError(
            f"{run} is no name for a run and its models.", "--run name: a letter, then letters, numbers, _ and -"
        )
    config = options.config or model_file.with_name(f"{run}.yaml")
    if config.exists():
        raise UserError(f"{config} exists.", "move it away, or choose another name: --run name")
    write_text(config, skeleton(look_at(model_file), model_file, run, config))
    log.info("%s written. Read it, then: make perf_report CONFIG=%s", config, config)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--model", type=cli.named_file, required=True, help="the model file")
    result.add_argument("--run", help="name of the run; default: the model file's")
    result.add_argument("--config", type=Path, help="output; default: <run>.yaml beside the model file")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
