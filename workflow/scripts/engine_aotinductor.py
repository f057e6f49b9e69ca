"""Rule engine_aotinductor: the module compiled ahead of time by PyTorch itself, for this machine's processor or GPU.

torch.export takes the bounds of every axis from the profile, and AOTInductor generates code that is tuned at the opt
shape. The package (.pt2) holds the machine code and the weights; it loads without the model file.
"""

import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch._inductor.exc import InductorError

from engines import description
from model import shapes
from model.interface import load_checkpoint
from model.outputs import flat, tensors_of
from model.shapes import Shapes
from model.signature import Tensor
from model.tensors import DTYPES
from model.tracing import arguments_of, reason
from plan.settings.engine import AotInductor
from program.cli import UserError, log
from program.files import whole_file
from program.job import run
from program.temporary import scratch

# The number of threads is the served instance's own, instead of being compiled in.
OPTIONS = {"cpp.dynamic_threads": True}


# PyTorch's names of what a module computes in, as engine.json has them.
PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: AotInductor
    model: Annotated[Path, "model.pt"]
    engine: Annotated[Path, "output: model.pt2"]
    record: Annotated[Path, "output: engine.json"]
    without: Annotated[str, "how to configure a run without it, for the message if it fails"] = ""


def axes(profile: Mapping[str, Shapes], name: str, batching: bool = True) -> dict[int, Any]:
    """The axes of an input that vary, with their bounds as torch.export takes them; all inputs share their batch."""
    low, high = profile["min"][name], profile["max"][name]
    return {
        # DYNAMIC lets axes depend on each other, and is an error where one cannot vary.
        axis: torch.export.Dim("batch", min=a, max=b)
        if batching and axis == 0
        else torch.export.Dim.DYNAMIC(min=a, max=b)
        for axis, (a, b) in enumerate(zip(low, high))
        if a < b
    }


def examples(inputs: Sequence[Tensor], profile: Mapping[str, Shapes], device: str) -> tuple[Any, ...]:
    """Zeros in the opt shape, or in the max shape where opt is 1: torch.export takes a 1 for a fixed axis."""
    return tuple(torch.from_numpy(np.zeros(_traced(profile, one.name), DTYPES[one.dtype])).to(device) for one in inputs)


def _traced(profile: Mapping[str, Shapes], name: str) -> list[int]:
    return [high if opt == 1 else opt for opt, high in zip(profile["opt"][name], profile["max"][name])]


def in_bf16(module: torch.nn.Module, inputs: Sequence[torch.Tensor]) -> torch.nn.Module:
    """The module, which gives tensors, computing in bfloat16: between inputs and outputs of its own types."""
    with torch.inference_mode():
        dtypes = [tensor.dtype for tensor in tensors_of(module(*inputs))]

    class Lowered(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module.to(torch.bfloat16)

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            taken = [one.to(torch.bfloat16) if one.is_floating_point() else one for one in inputs]
            found = zip(tensors_of(self.module(*taken)), dtypes)
            return tuple(tensor.to(dtype) for tensor, dtype in found)

    return Lowered().eval()


def export(
    module: torch.nn.Module,
    inputs: Sequence[Tensor],
    profile: Mapping[str, Shapes],
    device: str,
    batching: bool = True,
    without: str = "",
) -> torch.export.ExportedProgram:
    """The module's graph, free within the profile.

    Raises UserError, with `without` as a hint, when PyTorch cannot export it or keep these bounds.
    """
    try:
        return torch.export.export(
            module.to(device),
            examples(inputs, profile, device),
            dynamic_shapes=arguments_of(module, [axes(profile, one.name, batching) for one in inputs]),
        )
    except Exception as error:  # of the exporter, of the module that it runs
        log.debug("%s", error)
        what = f"PyTorch cannot export the module for this profile: {reason(error)}."
        hint = "; or ".join(filter(None, ["see profile and the rule's log", without]))
        raise UserError(what, hint) from error


def bounds(program: torch.export.ExportedProgram, inputs: Sequence[Tensor], opt: Shapes) -> dict[str, Shapes]:
    """The profile that the exported program itself keeps; `opt` is what it was tuned for."""
    nodes = {node.name: node for node in program.graph.nodes}
    names = program.graph_signature.user_inputs

    def ends(size: Any) -> tuple[int, int]:
        if isinstance(size, int):
            return size, size
        found = program.range_constraints[size.node.expr]
        return int(found.lower), int(found.upper)

    found = {one.name: [ends(size) for size in nodes[name].meta["val"].shape] for one, name in zip(inputs, names)}
    low, high = ({name: [pair[end] for pair in pairs] for name, pairs in found.items()} for end in (0, 1))
    return {"min": low, "opt": opt, "max": high}


@contextmanager
def private_cache() -> Iterator[None]:
    """Compile from nothing, and leave nothing behind: the compiler's cache lives in a temporary directory."""
    with scratch() as directory:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(directory)
        yield


def package(program: torch.export.ExportedProgram, path: Path) -> None:
    """Compile the program into a package. Raises UserError when the C++ compiler is missing or fails."""
    try:
        with whole_file(path) as temporary:
            torch._inductor.aoti_compile_and_package(program, package_path=str(temporary), inductor_configs=OPTIONS)
    except InductorError as error:
        first = str(error).strip().splitlines()[0]
        raise UserError(
            f"AOTInductor cannot compile the module: {first}", "it needs a C++ compiler: g++, or the one that CXX names"
        ) from error


def target(path: Path) -> str:
    """What a package says that it was compiled for: the processor's instructions, or the GPU's capability."""
    found = torch._inductor.aoti_load_package(str(path)).get_metadata()
    return " ".join(found[key] for key in ("AOTI_DEVICE_KEY", "AOTI_CPU_ISA", "AOTI_COMPUTE_CAPABILITY")).strip()


def main(job: Job) -> None:
    settings = job.settings
    profile = shapes.parse_profile(settings.profile)
    module, _ = load_checkpoint(job.model)
    module = flat(module, examples(settings.inputs, profile, "cpu"))
    if settings.precision == "bf16":
        module = in_bf16(module, examples(settings.inputs, profile, "cpu"))
    start = time.perf_counter()
    with warnings.catch_warnings(), private_cache():
        warnings.simplefilter("ignore")
        program = export(module, settings.inputs, profile, settings.device, settings.batching, job.without)
        package(program, job.engine)
    seconds = time.perf_counter() - start
    dtypes = {str(parameter.dtype).removeprefix("torch.") for parameter in module.parameters()}
    precision = ", ".join(sorted(PRECISIONS.get(name, name) for name in dtypes))
    engine = description.Engine(
        backend="aotinductor",
        target=target(job.engine),
        precision=description.Precision("bf16" if settings.precision == "bf16" else precision, precision),
        profiles=[bounds(program, settings.inputs, profile["opt"])],
        versions={"torch": torch.__version__},
        build_seconds=round(seconds, 3),
    )
    description.write(job.record, engine, job.engine, job.model)
    log.info("AOTInductor engine of %d bytes in %.1f s", job.engine.stat().st_size, seconds)


if __name__ == "__main__":
    run(main, Job, __doc__)
