"""Rule parity: how far ONNX and TorchScript are from PyTorch, at the shapes of the profile and for single samples.

parity.json: for every export and batch size, or shape where axes vary, the largest absolute and relative difference
and the agreement on the reference's samples. Beyond the tolerance the rule fails.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from model import shapes
from model.interface import in_batches
from model.reference import Difference, Reference, agrees, cases, difference, load
from model.tensors import Arrays
from program import cli
from program.cli import UserError, log
from program.files import write_json

Predict = Callable[[Arrays], list[np.ndarray]]


def onnx_predict(path: Path, outputs: list[str]) -> Predict:
    """Run model.onnx with ONNX Runtime on CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(outputs, inputs)


def torchscript_predict(path: Path) -> Predict:
    """Run model.ts."""
    import torch

    from model.interface import predict

    module = torch.jit.load(path, map_location="cpu").eval()
    return lambda inputs: predict(module, inputs, len(next(iter(inputs.values()))))


def compare(predict: Predict, checked: Mapping[str, tuple[Reference, int]], agreement: bool) -> dict[str, Difference]:
    """The difference from the reference in each case, over all of its samples."""
    return {
        label: difference(in_batches(predict, part.inputs, size), list(part.outputs.values()), agreement)
        for label, (part, size) in checked.items()
    }


def breaches(found: Difference, tolerance: dict[str, float]) -> list[str]:
    """The bounds that a difference does not keep, in words."""
    faults = [
        f"{bound.removeprefix('max_').replace('_', ' ')} {value:.3g} > {tolerance[bound]:.3g}"
        for bound, value in (("max_abs_error", found.max_abs_error), ("max_rel_error", found.max_rel_error))
        if not value <= tolerance[bound]  # nor is NaN
    ]
    if found.agreement is not None and found.agreement < tolerance["min_agreement"]:
        faults.append(f"agreement {found.agreement:.4f} < {tolerance['min_agreement']:.4f}")
    return faults


def main(options: argparse.Namespace) -> None:
    tolerance = options.settings["tolerance"]
    profile = shapes.parse_profile(options.settings["profile"])
    groups = load(options.reference)
    exports = {"onnx": onnx_predict(options.onnx, list(groups[0].outputs))}
    if options.torchscript:
        exports["torchscript"] = torchscript_predict(options.torchscript)
    single = {name: [1, *dims[1:]] for name, dims in profile["opt"].items()}
    checked = cases(groups, {"single": single, **profile})
    result = {}
    for name, predict in exports.items():
        found = compare(predict, checked, agrees(options.settings["outputs"]))
        for label, one in found.items():
            log.info("%s, %s: max abs error %.2e, agreement %s", name, label, one.max_abs_error, one.agreement)
            if faults := breaches(one, tolerance):
                place = f"batch {label}" if label.isdigit() else label
                raise UserError(
                    f"{name} differs from PyTorch at {place}: {', '.join(faults)}.",
                    "look for an operator that was exported wrongly, or widen export.tolerance",
                )
        result[name] = {label: asdict(one) for label, one in found.items()}
    write_json(options.parity, {"samples": groups[0].samples, "tolerance": tolerance, "exports": result})


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"tolerance": export.tolerance, "profile": profile, "outputs": model.outputs}')
    result.add_argument("--onnx", type=Path, required=True, help="model.onnx")
    result.add_argument("--torchscript", type=Path, help="model.ts, where there is one")
    result.add_argument("--reference", type=Path, required=True, help="reference.npz")
    result.add_argument("--parity", type=Path, required=True, help="output: parity.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
