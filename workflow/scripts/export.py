"""Rule export: model.onnx and model.ts (TorchScript), free in their batch and named axes, and what PyTorch answers.

reference.npz holds the test set as the model takes it, or inputs that are made up, and PyTorch's outputs; where axes
vary also inputs of the profile's sizes. reference_raw.npz holds the same for those who send raw samples and get
answers. Everything after this stage compares with them, and needs neither PyTorch nor the model file.
"""

import io
import logging
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import onnx
import torch

from model import reference, tensors
from model.interface import load_checkpoint, predict, split
from model.reference import Reference
from model.signature import Tensor
from model.tensors import Arrays
from plan.settings.export import Export
from program.cli import UserError, log
from program.files import whole_file
from program.job import run

Tensors = Sequence[Tensor]


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Export
    model: Annotated[Path, "model.pt"]
    dataset: Annotated[Path | None, "test.npz, where there is a data set"]
    onnx: Annotated[Path, "output: model.onnx"]
    torchscript: Annotated[Path, "output: model.ts"]
    reference: Annotated[Path, "output: reference.npz"]
    raw_reference: Annotated[Path | None, "output: reference_raw.npz, where there are raw samples"]


def to_onnx(
    module: torch.nn.Module, inputs: Arrays, described: Tensors, outputs: list[str], opset: int
) -> onnx.ModelProto:
    """The module as an ONNX graph, checked by onnx.checker; its axes have the names that `described` inputs give them.

    `inputs`: two or more samples. Raises UserError when the exporter or the checker refuses the module.
    """
    # One exporter message per operator of the domain is of no use to the reader.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                _traced(inputs),
                input_names=list(inputs),
                output_names=outputs,
                opset_version=opset,
                dynamo=True,
                dynamic_shapes=tuple(axes(tensor) for tensor in described),
                verbose=False,
            )
        assert program is not None
        graph = program.model_proto
        _strip(graph)
        onnx.checker.check_model(graph, full_check=True)
    except (torch.onnx.errors.OnnxExporterError, onnx.checker.ValidationError) as error:
        hint = "see export.opset, and whether the module computes with every size of its named axes"
        raise UserError(f"the module cannot be exported to ONNX: {error}", hint) from error
    return graph


def axes(tensor: Tensor) -> dict[int, str]:
    """The names of the axes of an input that vary, by their places, batch axis included."""
    return {0: "batch", **{place: axis for place, axis in enumerate(tensor.dims, 1) if isinstance(axis, str)}}


def _traced(inputs: Arrays) -> tuple[torch.Tensor, ...]:
    """Two samples: PyTorch takes a batch of one for a fixed axis."""
    return tuple(torch.from_numpy(array[:2]) for array in inputs.values())


def _strip(graph: onnx.ModelProto) -> None:
    """Remove stack traces, which hold this machine's paths, so that equal modules give equal bytes."""
    for node in graph.graph.node:
        del node.metadata_props[:]
    for value in [*graph.graph.input, *graph.graph.output, *graph.graph.value_info, *graph.graph.initializer]:
        del value.metadata_props[:]
    del graph.metadata_props[:], graph.graph.metadata_props[:]


def to_torchscript(module: torch.nn.Module, inputs: Arrays) -> torch.jit.ScriptModule:
    """The module as TorchScript, by tracing a batch of two."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced: torch.jit.ScriptModule = torch.jit.trace(module, _traced(inputs))
    return traced


def torchscript_bytes(traced: torch.jit.ScriptModule) -> bytes:
    """The bytes of model.ts without its debug files, as in _strip, and without the number that follows from them."""
    with io.BytesIO() as whole, io.BytesIO() as result:
        torch.jit.save(traced, whole)
        with zipfile.ZipFile(whole) as old, zipfile.ZipFile(result, "w") as new:
            for one in old.infolist():
                if not one.filename.endswith((".debug_pkl", "/.data/serialization_id")):
                    new.writestr(one, old.read(one))
        return result.getvalue()


def answered(module: torch.nn.Module, inputs: Arrays, outputs: Tensors, labels: Any = None) -> Reference:
    """PyTorch's outputs for some inputs."""
    return Reference(inputs, tensors.named(predict(module, inputs), outputs, "the module"), labels)


def main(job: Job) -> None:
    settings = job.settings
    model = settings.model
    module, source = load_checkpoint(job.model)
    groups = []
    if job.dataset:
        samples, labels = split(job.dataset)
        prepared = tensors.check(source.prepare(samples), model.inputs, "prepare of the model file")
        groups.append(answered(module, prepared, model.outputs, labels))
    for wanted in settings.shapes:
        inputs = tensors.made_up(model.inputs, wanted, getattr(source, "example", None))
        groups.append(answered(module, inputs, model.outputs))
    outputs = list(groups[0].outputs)
    graph = to_onnx(module, groups[0].inputs, model.inputs, outputs, settings.opset)
    with whole_file(job.onnx) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    with whole_file(job.torchscript) as temporary:
        temporary.write_bytes(torchscript_bytes(to_torchscript(module, groups[0].inputs)))
    reference.save(job.reference, groups)
    if job.raw_reference and (raw := settings.raw):
        answer = tensors.check(
            source.interpret(*groups[0].outputs.values()), raw.outputs, "interpret of the model file"
        )
        given = {raw.inputs[0].name: samples}
        reference.save(job.raw_reference, [Reference(given, answer, labels)])
    log.info("exported with %d operators, opset %d", len(graph.graph.node), settings.opset)


if __name__ == "__main__":
    run(main, Job, __doc__)
