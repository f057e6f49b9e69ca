"""Rule export: model.onnx, free in its batch and named axes."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import onnx
import torch

from model.signature import Signature, Tensor, names
from model.tracing import arguments_of, reason, traceable
from plan.settings.export import Export
from program.cli import UserError, log
from program.files import whole_file
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Export
    model: Annotated[Path, "model.pt"]
    reference: Annotated[Path, "reference.npz, whose inputs trace the module"]
    onnx: Annotated[Path, "output: model.onnx"]
    without: Annotated[str, "how to configure a run without it, for the message if it fails"] = ""


def to_onnx(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], model: Signature, opset: int, without: str = ""
) -> onnx.ModelProto:
    """The module as an ONNX graph, checked by onnx.checker; its axes have the names that the inputs give them.

    Raises UserError, with `without` as a hint, when the exporter or the checker refuses the module.
    """
    # One exporter message per operator of the domain is of no use to the reader.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                inputs,
                input_names=names(model.inputs),
                output_names=names(model.outputs),
                opset_version=opset,
                dynamo=True,
                dynamic_shapes=arguments_of(module, [axes(tensor, model.batching) for tensor in model.inputs]),
                verbose=False,
            )
        assert program is not None
        graph = program.model_proto
        _strip(graph)
        onnx.checker.check_model(graph, full_check=True)
    except Exception as error:  # of the exporter, of the module that it runs, of the checker
        log.debug("%s", error)
        hint = "; or ".join(filter(None, [without, "see the rule's log and export.opset"]))
        raise UserError(f"the module cannot be exported to ONNX: {reason(error)}.", hint) from error
    return graph


def axes(tensor: Tensor, batching: bool = True) -> dict[int, str]:
    """The names of the axes of an input that vary, by their places, with the batch axis if the model has one."""
    dims = ["batch", *tensor.dims] if batching else tensor.dims
    return {place: axis for place, axis in enumerate(dims) if isinstance(axis, str)}


def _strip(graph: onnx.ModelProto) -> None:
    """Remove stack traces, which hold this machine's paths, so that equal modules give equal bytes."""
    for node in graph.graph.node:
        del node.metadata_props[:]
    for value in [*graph.graph.input, *graph.graph.output, *graph.graph.value_info, *graph.graph.initializer]:
        del value.metadata_props[:]
    del graph.metadata_props[:], graph.graph.metadata_props[:]


def main(job: Job) -> None:
    settings = job.settings
    module, inputs = traceable(job.model, job.reference, settings.model.batching)
    graph = to_onnx(module, inputs, settings.model, settings.opset, job.without)
    with whole_file(job.onnx) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    log.info("exported with %d operators, opset %d", len(graph.graph.node), settings.opset)


if __name__ == "__main__":
    run(main, Job, __doc__)
