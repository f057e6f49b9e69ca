"""Write the configuration of a model of your own by looking at it: make new MODEL=path.

Of a model file it builds the module, lets `example` make inputs and runs it with two batch sizes: names, dtypes and
dims are what came out. Of an ONNX graph (.onnx) it reads them.
The configuration lies beside the model file, holds what differs from config/config.yaml, and is yours to change.
"""

import argparse
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from tritonclient.utils import np_to_triton_dtype

from model import graph, shapes
from model.graph import Value
from model.interface import predict
from model.outputs import names_of
from model.signature import Signature, Tensor, names
from model.source import load_file
from model.tensors import Arrays
from plan import packages
from plan.configured import PROJECT
from plan.installer import provide
from program import cli
from program.cli import UserError, log
from program.files import write_text
from serve.variants import OFFERED, VARIANTS

if TYPE_CHECKING:
    import torch

# Batch sizes to start with.
BATCHES = {"min": 1, "opt": 8, "max": 32}
# Sizes of axes that vary to start with.
AXES = {"min": 16, "opt": 32, "max": 64}
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
  # A ready graph; the file then has only what the graph lacks: example for integer inputs, a data set, metrics.
  onnx: {onnx}
  # A file of what the model file imports beyond the packages of this project.
  requirements: {requirements}
  # Keyword arguments of build.
  arguments: {{}}
  # A file with a state_dict; "" leaves the weights as build makes them, which train.seed decides.
  weights: ""
  # Whether the first axis is the batch, which dims and clients then leave free; false: dims are complete shapes.
  batching: {batching}
  # In the order of the module's arguments, without the batch axis. For another axis that
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
    """Inputs and outputs of a model; where the config finds it; its data sets, and the variants that can serve it."""

    model: Signature
    file: str = ""
    onnx: str = ""
    datasets: Sequence[str] = ()
    variants: Sequence[str] = OFFERED


def look_at(path: Path) -> Seen:
    """Call what a model file has. Raises UserError when something is missing, fails, or has no batch axis."""
    source = _called(path, "the import", load_file, path, "build", "example")
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
    outputs = dict(zip(_output_names(module, one), results[0]))
    model = Signature(_seen(one), _seen(outputs))
    return Seen(model, file=path.as_posix(), datasets=list(getattr(source, "DATASETS", {})))


def _output_names(module: "torch.nn.Module", inputs: Arrays) -> list[str]:
    """The keys and fields of what the module returns; `output` before those that are numbers alone."""
    import torch

    with torch.inference_mode():
        found = names_of(module(*[torch.from_numpy(array) for array in inputs.values()]))
    return ["_".join(filter(None, ["output", name])) if not re.search("[A-Za-z]", name) else name for name in found]


def _seen(arrays: Arrays) -> list[Tensor]:
    return [Tensor(name, np_to_triton_dtype(array.dtype), list(array.shape[1:])) for name, array in arrays.items()]


def look_at_graph(path: Path) -> Seen:
    """Read a graph: it has batches where the first axis of every input and output is free."""
    found = graph.read(path)
    inputs, outputs = graph.inputs(found), graph.outputs(found)
    batching = all(value.axes and not isinstance(value.axes[0], int) for value in (*inputs, *outputs))

    def tensors(values: list[Value], free: str | None) -> list[Tensor]:
        return [
            Tensor(
                value.name, value.dtype, [_axis(axis, free, place) for place, axis in enumerate(value.axes)][batching:]
            )
            for value in values
        ]

    variants = [name for name in OFFERED if not VARIANTS[name].pytorch]
    return Seen(
        Signature(tensors(inputs, "axis"), tensors(outputs, None), batching), onnx=path.as_posix(), variants=variants
    )


def _axis(axis: int | str | None, free: str | None, place: int) -> int | str | None:
    """A size or name as the config writes it. Inputs have bounds on every axis: one without a name gets one."""
    if isinstance(axis, int) or (axis and re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", axis)):
        return axis
    return f"{free}_{place}" if free else None


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


def skeleton(seen: Seen, model_file: Path, run: str, config: Path, requirements: Path | None) -> str:
    """The text of the configuration."""
    model = seen.model
    profile = {bound: shapes.format(_bound(model, bound)) for bound in BATCHES}
    pytriton = {"name": f"{run}_pytriton", "inputs": names(model.inputs), "outputs": names(model.outputs)}
    return SKELETON.format(
        name=model_file.name,
        run=_flow(run),
        file=_flow(seen.file),
        onnx=_flow(seen.onnx),
        requirements=_flow(requirements.resolve().as_posix() if requirements else ""),
        batching=_flow(model.batching),
        config=config,
        inputs=_tensors(model.inputs),
        outputs=_tensors(model.outputs),
        variants=_flow(list(seen.variants)),
        source=_flow(seen.datasets[0] if seen.datasets else None),
        profile="\n".join(f"  {bound}: {_flow(text)}" for bound, text in profile.items()),
        pytriton=_flow(pytriton),
    )


def _bound(model: Signature, bound: str) -> shapes.Shapes:
    """The shapes of the inputs at a bound of the profile to start with."""
    batch = [BATCHES[bound]] if model.batching else []
    return {
        tensor.name: [*batch, *(size if isinstance(size, int) else AXES[bound] for size in tensor.dims)]
        for tensor in model.inputs
    }


def _tensors(tensors: Sequence[Tensor]) -> str:
    """Inputs or outputs as lines of the configuration."""
    lines = [{"name": one.name, "dtype": one.dtype, "dims": one.dims} for one in tensors]
    return "\n".join(f"    - {_flow(line)}" for line in lines)


def _flow(value: Any) -> str:
    """A value as YAML on one line, quoted where it has to be."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).splitlines()[0]


def main(options: argparse.Namespace) -> None:
    if not options.model.is_file():
        raise UserError(f"{options.model} is no file.", "--model path/to/model.py, or a .onnx")
    model_file = options.model.resolve()
    run = options.run or model_file.stem
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", run):
        raise UserError(
            f"{run} is no name for a run and its models.", "--run name: a letter, then letters, numbers, _ and -"
        )
    config = options.config or model_file.with_name(f"{run}.yaml")
    if config.exists():
        raise UserError(f"{config} exists.", "move it away, or choose another name: --run name")
    if options.requirements:
        provide(options.requirements.resolve(), options.uv)
        packages.use(str(options.requirements.resolve()), PROJECT)
    seen = look_at_graph(model_file) if model_file.suffix == ".onnx" else look_at(model_file)
    write_text(config, skeleton(seen, model_file, run, config, options.requirements))
    log.info("%s written. Read it, then: make perf_report CONFIG=%s", config, config)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--model", type=cli.named_file, required=True, help="the model file, or an ONNX graph")
    result.add_argument("--requirements", type=cli.named_file, help="a file of further packages that it imports")
    result.add_argument("--uv", default="uv", help="what installs those (default: %(default)s)")
    result.add_argument("--run", help="name of the run; default: the model file's")
    result.add_argument("--config", type=Path, help="output; default: <run>.yaml beside the model")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
