"""Rule export: model.onnx and model.ts (TorchScript) with a dynamic batch axis, and what PyTorch answers.

reference.npz holds the test set as the model takes it, PyTorch's outputs and the labels; reference_raw.npz the same
for those who send raw samples and get answers. Everything after this stage compares with them, and needs neither
PyTorch nor the model file.
"""

import argparse
import io
import logging
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
import torch

from models import reference
from models.interface import Arrays, load_checkpoint, predict
from models.reference import Reference
from program import cli
from program.cli import UserError, log
from program.files import whole_file


def to_onnx(module: torch.nn.Module, inputs: Arrays, outputs: list[str], opset: int) -> onnx.ModelProto:
    """The module as an ONNX graph whose first axis is `batch`; checked by onnx.checker.

    Raises UserError when the exporter or the checker refuses the module.
    """
    # One exporter message per operator of the domain is of no use to the reader.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch", min=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                tuple(torch.from_numpy(array[:2]) for array in inputs.values()),
                input_names=list(inputs),
                output_names=outputs,
                opset_version=opset,
                dynamo=True,
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                verbose=False,
            )
        assert program is not None
        graph = program.model_proto
        _strip(graph)
        onnx.checker.check_model(graph, full_check=True)
    except (torch.onnx.errors.OnnxExporterError, onnx.checker.ValidationError) as error:
        raise UserError(f"the module cannot be exported to ONNX: {error}", "see export.opset") from error
    return graph


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
        traced: torch.jit.ScriptModule = torch.jit.trace(
            module, tuple(torch.from_numpy(array[:2]) for array in inputs.values())
        )
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


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    module, source = load_checkpoint(options.model)
    with np.load(options.dataset) as data:
        images, labels = data["images"], data["labels"]
    inputs: Arrays = source.prepare(images)
    graph = to_onnx(module, inputs, settings["outputs"], settings["opset"])
    with whole_file(options.onnx) as temporary:
        temporary.write_bytes(graph.SerializeToString(deterministic=True))
    with whole_file(options.torchscript) as temporary:
        temporary.write_bytes(torchscript_bytes(to_torchscript(module, inputs)))
    outputs = dict(zip(settings["outputs"], predict(module, inputs)))
    reference.save(options.reference, Reference(inputs, outputs, labels))
    raw = settings["raw"]
    answer = source.interpret(*outputs.values())
    reference.save(
        options.raw_reference,
        Reference({raw["inputs"][0]: images}, {name: answer[name] for name in raw["outputs"]}, labels),
    )
    log.info("exported with %d operators, opset %d", len(graph.graph.node), settings["opset"])


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"opset": …, "outputs": [names], "raw": {"inputs": [names], "outputs": [names]}}')
    result.add_argument("--model", type=Path, required=True, help="model.pt")
    result.add_argument("--dataset", type=Path, required=True, help="test.npz")
    result.add_argument("--onnx", type=Path, required=True, help="output: model.onnx")
    result.add_argument("--torchscript", type=Path, required=True, help="output: model.ts")
    result.add_argument("--reference", type=Path, required=True, help="output: reference.npz")
    result.add_argument("--raw-reference", type=Path, required=True, help="output: reference_raw.npz")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
