"""Rule export: model.onnx and model.ts (TorchScript), free in their batch and named axes, and what PyTorch answers.

reference.npz holds the test set as the model takes it, or inputs that are made up, and PyTorch's outputs; where axes
vary also inputs of the profile's sizes. reference_raw.npz holds the same for those who send raw samples and get
answers. Everything after this stage compares with them, and needs neither PyTorch nor the model file.
"""

import inspect
import io
import logging
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import torch

from model import reference
from model.interface import load_checkpoint, predict
from model.outputs import flat
from model.references import answered, save_raw
from model.signature import Signature, Tensor, names
from model.tensors import Arrays
from plan.settings.export import Export
from program.cli import UserError, log
from program.files import whole_file
from program.job import run


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


def to_onnx(module: torch.nn.Module, inputs: Arrays, model: Signature, opset: int) -> onnx.ModelProto:
    """The module as an ONNX graph, checked by onnx.checker; its axes have the names that the inputs give them.

    `inputs`: samples, two or more where the model has a batch axis. Raises UserError when the exporter or the checker refuses the module.
    """
    # One exporter message per operator of the domain is of no use to the reader.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                _traced(inputs, model.batching),
                input_names=list(inputs),
                output_names=names(model.outputs),
                opset_version=opset,
                dynamo=True,
                dynamic_shapes=axes_of(module, [axes(tensor, model.batching) for tensor in model.inputs]),
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


def axes(tensor: Tensor, batching: bool = True) -> dict[int, str]:
    """The names of the axes of an input that vary, by their places, with the batch axis if the model has one."""
    dims = ["batch", *tensor.dims] if batching else tensor.dims
    return {place: axis for place, axis in enumerate(dims) if isinstance(axis, str)}


def axes_of(module: torch.nn.Module, varying: list[dict[int, str]]) -> tuple[Any, ...]:
    """The axes of all inputs as torch.export takes them: for `forward(*inputs)` they are those of one argument."""
    kinds = [parameter.kind for parameter in inspect.signature(module.forward).parameters.values()]
    return (tuple(varying),) if kinds == [inspect.Parameter.VAR_POSITIONAL] else tuple(varying)


def _traced(inputs: Arrays, batching: bool) -> tuple[torch.Tensor, ...]:
    """Two samples, because PyTorch takes a batch of one for a fixed axis; without a batch axis one, without it."""
    chosen: slice | int = slice(2) if batching else 0
    return tuple(torch.from_numpy(np.asarray(array[chosen])) for array in inputs.values())


def _strip(graph: onnx.ModelProto) -> None:
    """Remove stack traces, which hold this machine's paths, so that equal modules give equal bytes."""
    for node in graph.graph.node:
        del node.metadata_props[:]
    for value in [*graph.graph.input, *graph.graph.output, *graph.graph.value_info, *graph.graph.initializer]:
        del value.metadata_props[:]
    del graph.metadata_props[:], graph.graph.metadata_props[:]


def to_torchscript(module: torch.nn.Module, inputs: Arrays, batching: bool = True) -> torch.jit.ScriptModule:
    """The module as TorchScript, by tracing a batch of two, or one sample without a batch axis."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced: torch.jit.ScriptModule = torch.jit.trace(module, _traced(inputs, batching))
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


def main(job: Job) -> None:
    settings = job.settings
    model = settings.model
    module, source = load_checkpoint(job.model)

    def answer(inputs: Arrays) -> list[np.ndarray]:
        return predict(module, inputs, batching=model.batching)

    groups = answered(answer, source, job.dataset, model, settings.shapes)
    exported = flat(module, _traced(groups[0].inputs, model.batching))
    graph = to_onnx(exported, groups[0].inputs, model, settings.opset)
    with whole_file(job.onnx) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    with whole_file(job.torchscript) as temporary:
        temporary.write_bytes(torchscript_bytes(to_torchscript(exported, groups[0].inputs, model.batching)))
    reference.save(job.reference, groups)
    if job.raw_reference and job.dataset and settings.raw:
        save_raw(job.raw_reference, job.dataset, source, groups[0], settings.raw)
    log.info("exported with %d operators, opset %d", len(graph.graph.node), settings.opset)


if __name__ == "__main__":
    run(main, Job, __doc__)
