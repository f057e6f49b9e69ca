"""Write the configuration of a model of your own by looking at it: make new MODEL=path.

Of a model file it builds the module, lets `example` make inputs and runs it with two batch sizes: names, dtypes and
dims are what came out. Of an ONNX graph (.onnx) it reads them.
The configuration lies beside the model file, holds what differs from config/config.yaml, and is yours to change.
"""

import argparse
import inspect
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from tritonclient.utils import np_to_triton_dtype

from commands import new_graph, new_values, new_variants
from engines import openvino_graph
from model import shapes
from model.interface import predict
from model.outputs import names_of
from model.signature import Signature, Tensor, names
from model.source import limited, load_file
from model.tensors import Arrays
from plan import packages
from plan.configured import PROJECT
from plan.installer import provide
from program import cli
from program.cli import UserError, log
from program.files import write_text
from serve.variants import OF_ONE_MODEL

if TYPE_CHECKING:
    import torch

# Batch sizes to start with.
BATCHES = {"min": 1, "opt": 8, "max": 32}
# Requests that show which sizes the data decide.
REQUESTS = 4
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

# Those that cannot serve this model, and why: the report says so. Asked for in variants, they are an error.
not_served:{not_served}

# Engines for GPUs that this machine does not have: [tensorrt_rtx].
engines: []

# Names of PyTriton's model and tensors.
pytriton: {pytriton}
"""
IN_PYTHON = """
serving:
  # The native backends take no strings.
  backend: python
"""
NO_OPENVINO = """
# What make tune and make deploy take up.
tune:
  variants: [{variant}]
deploy:
  variant: {variant}
"""


@dataclass(frozen=True)
class Seen:
    """Inputs and outputs of a model; where the config finds it; its data sets.

    sizes: min, opt and max of the axes that vary. example: the text of a model file that is to be written.
    """

    model: Signature
    file: str = ""
    onnx: str = ""
    datasets: Sequence[str] = ()
    sizes: Sequence[int] = new_graph.RANGES[0]
    example: str = ""


def look_at(path: Path) -> Seen:
    """Call what a model file has. Raises UserError when something is missing or fails."""
    source = load_file(path, "build", "example")
    module = _called(path, "build", source.build).eval()
    one = _inputs(path, source, module, None)
    doubled = {name: [2 * len(array), *array.shape[1:]] for name, array in one.items()}
    two = _inputs(path, source, module, doubled)
    count = len(_first(one))
    results = [_called(path, "the module", predict, module, given, len(_first(given))) for given in (one, two)]
    lengths = [(single.shape[:1], double.shape[:1]) for single, double in zip(*results)]
    odd = next((number for number, found in enumerate(lengths) if found != ((count,), (2 * count,))), None)
    if odd is None:
        outputs = dict(zip(_output_names(module, one), results[0]))
        model = Signature(_seen(one), _seen(outputs))
    else:
        log.info("output %d has the shape %s for a batch of %d", odd, list(results[0][odd].shape), count)
        model = _without_batches(path, source, module, one)
    return Seen(model, file=path.as_posix(), datasets=list(getattr(source, "DATASETS", {})))


def _without_batches(path: Path, source: ModuleType, module: "torch.nn.Module", seen: Arrays) -> Signature:
    """Complete shapes, of one request; an axis of an output that differs between requests is free."""
    alone = {name: [1, 1, *array.shape[1:]] for name, array in seen.items()}
    requests = [_inputs(path, source, module, alone, seed) for seed in range(REQUESTS)]
    answers = [_called(path, "the module", predict, module, inputs, batching=False) for inputs in requests]
    named = _output_names(module, {name: array[0] for name, array in requests[0].items()})
    outputs = [
        Tensor(
            name,
            np_to_triton_dtype(every[0].dtype),
            [sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(one.shape[1:] for one in every))],
        )
        for name, every in zip(named, zip(*answers))
    ]
    inputs = [Tensor(one.name, one.dtype, [1, *one.dims]) for one in _seen(seen)]
    return Signature(inputs, outputs, batching=False)


def _output_names(module: "torch.nn.Module", inputs: Arrays) -> list[str]:
    """The keys and fields of what the module returns; `output` before those that are numbers alone."""
    import torch

    with torch.inference_mode():
        found = names_of(module(*[torch.from_numpy(array) for array in inputs.values()]))
    return ["_".join(filter(None, ["output", name])) if not re.search("[A-Za-z]", name) else name for name in found]


def _seen(arrays: Arrays) -> list[Tensor]:
    return [Tensor(name, np_to_triton_dtype(array.dtype), list(array.shape[1:])) for name, array in arrays.items()]


def look_at_graph(path: Path, example_file: Path) -> Seen:
    """Read a graph and try it; a file of example inputs comes with it where some are no floats."""
    tensors = new_graph.inputs_of(path)
    floats = all(tensor.dtype.startswith("FP") for tensor in tensors)
    text = "" if floats or example_file.exists() else new_graph.example_of(path, tensors)
    with tempfile.TemporaryDirectory() as directory:
        if text:
            write_text(Path(directory, example_file.name), text)
        source = None if floats else load_file(Path(directory if text else example_file.parent, example_file.name))
        example = source.example if source else None
        readable = not openvino_graph.fault(path)
        found = new_graph.tried(path, example, *([partial(openvino_graph.fault, path)] if readable else []))
        if text and not found.fault:
            ends = new_values.ends(path, found.model, new_graph.smallest(found, example))
            text = new_graph.example_of(path, tensors, ends)
    if found.fault:
        log.warning("%s It ran at no sizes tried: correct profile, and dims where they are null", found.fault)
    file = "" if floats else example_file.as_posix()
    return Seen(found.model, file, path.as_posix(), sizes=found.sizes, example=text)


def _inputs(
    path: Path, source: ModuleType, module: "torch.nn.Module", wanted: shapes.Shapes | None, seed: int = 0
) -> Arrays:
    """What `example` makes, in the order in which the module takes it. Raises UserError for shapes not wanted."""
    made: Arrays = _called(path, "example", source.example, wanted, np.random.default_rng(seed))
    found = {name: list(array.shape) for name, array in made.items()}
    if wanted and found != wanted:
        raise UserError(f"{path}: example made {found} where {wanted} was wanted.", INTERFACE)
    taken = list(inspect.signature(module.forward).parameters)
    return {name: made[name] for name in taken} if set(taken) == set(made) else made


def _first(arrays: Arrays) -> np.ndarray:
    return next(iter(arrays.values()))


def _called(path: Path, name: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The result of a function of the model file. Raises UserError when it fails, naming the exception."""
    try:
        with limited():
            return function(*arguments, **named)
    except UserError:
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise UserError(f"{path}: {name} fails: {type(error).__name__}: {first}.", INTERFACE) from error


def skeleton(
    seen: Seen, faults: Mapping[str, str], model_file: Path, run: str, config: Path, requirements: Path | None
) -> str:
    """The text of the configuration; `faults`: why variants cannot serve the model."""
    model = seen.model
    profile = {
        bound: shapes.format(_bound(model, batch, size))
        for (bound, batch), size in zip(BATCHES.items(), seen.sizes, strict=True)
    }
    pytriton = {"name": f"{run}_pytriton", "inputs": names(model.inputs), "outputs": names(model.outputs)}
    tensors = (*model.inputs, *model.outputs)
    variants = [name for name in new_variants.offered(bool(seen.onnx)) if name not in faults]
    in_python = any(one.dtype == "BYTES" for one in tensors)
    text = SKELETON.format(
        name=model_file.name,
        run=_flow(run),
        file=_flow(seen.file),
        onnx=_flow(seen.onnx),
        requirements=_flow(requirements.resolve().as_posix() if requirements else ""),
        batching=_flow(model.batching),
        config=config,
        inputs=_tensors(model.inputs),
        outputs=_tensors(model.outputs),
        variants=_flow(variants),
        not_served="".join(f"\n  {line}" for line in _lines(faults)) or " {}",
        source=_flow(seen.datasets[0] if seen.datasets else None),
        profile="\n".join(f"  {bound}: {_flow(text)}" for bound, text in profile.items()),
        pytriton=_flow(pytriton),
    )
    alone = next((name for name in variants if name in OF_ONE_MODEL), "openvino")
    other = "" if alone == "openvino" or "openvino" in variants else NO_OPENVINO.format(variant=alone)
    return text + (IN_PYTHON if in_python else "") + other


def _bound(model: Signature, batch: int, size: int) -> shapes.Shapes:
    """The shapes of the inputs at a bound of the profile to start with."""
    first = [batch] if model.batching else []
    return {
        tensor.name: [*first, *(axis if isinstance(axis, int) else size for axis in tensor.dims)]
        for tensor in model.inputs
    }


def _tensors(tensors: Sequence[Tensor]) -> str:
    """Inputs or outputs as lines of the configuration."""
    lines = [{"name": one.name, "dtype": one.dtype, "dims": one.dims} for one in tensors]
    return "\n".join(f"    - {_flow(line)}" for line in lines)


def _lines(values: Mapping[str, str]) -> list[str]:
    """A mapping as lines of YAML, an item each."""
    return yaml.safe_dump(dict(values), sort_keys=False, width=10**6).splitlines() if values else []


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
    if model_file.suffix not in (".py", ".onnx"):
        what = f"{options.model} is neither a model file (.py) nor an ONNX graph (.onnx)."
        raise UserError(what, "write a model file whose build loads it; docs/your-model.md has TorchScript and .pt2")
    if options.requirements:
        provide(options.requirements.resolve(), options.uv)
        packages.use(str(options.requirements.resolve()), PROJECT)
    example = config.with_name(f"{run}_example.py")
    seen = look_at(model_file) if model_file.suffix == ".py" else look_at_graph(model_file, example)
    text = partial(skeleton, model_file=model_file, run=run, config=config, requirements=options.requirements)
    # Data sets do not decide what can serve it.
    plain = text(replace(seen, datasets=()), {})
    if seen.onnx:
        faults = new_variants.of_graph(plain, model_file)
    else:
        log.info("trying what the module can be exported to")
        faults = new_variants.of_module(plain, config.with_name(f"{run}_exports.log"))
    for name, fault in faults.items():
        log.info("not served by %s: %s", name, fault)
    if seen.example:
        write_text(example, seen.example)
        log.info("%s written: inputs that are no floats. Change them to what the model may be asked", example)
    write_text(config, text(seen, faults))
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
