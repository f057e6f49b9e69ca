"""Rule parity: how far ONNX and TorchScript are from PyTorch, at the batch sizes of the profile.

parity.json: for every export and batch size the largest absolute and relative difference and the agreement on the
test set. Beyond the tolerance the rule fails.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from models.interface import Arrays, in_batches
from models.reference import Difference, Reference, difference, load
from program import cli
from program.cli import UserError, log
from program.files import write_json
from settings import shapes

Predict = Callable[[Arrays], list[np.ndarray]]


def onnx_predict(path: Path, outputs: list[str]) -> Predict:
    """Run model.onnx with ONNX Runtime on CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(outputs, inputs)


def torchscript_predict(path: Path) -> Predict:
    """Run model.ts."""
    import torch

    from models.interface import predict

    module = torch.jit.load(path, map_location="cpu").eval()
    return lambda inputs: predict(module, inputs, len(next(iter(inputs.values()))))


def compare(predict: Predict, reference: Reference, batch_sizes: list[int]) -> dict[int, Difference]:
    """The difference from the reference at each batch size, over whole batches of the test set."""
    expected = list(reference.outputs.values())
    return {size: difference(in_batches(predict, reference.inputs, size), expected) for size in batch_sizes}


def breaches(found: Difference, tolerance: dict[str, float]) -> list[str]:
    """The bounds that a difference does not keep, in words."""
    faults = [
        f"{bound.removeprefix('max_').replace('_', ' ')} {value:.3g} > {tolerance[bound]:.3g}"
        for bound, value in (("max_abs_error", found.max_abs_error), ("max_rel_error", found.max_rel_error))
        if value > tolerance[bound]
    ]
    if found.agreement < tolerance["min_agreement"]:
        faults.append(f"agreement {found.agreement:.4f} < {tolerance['min_agreement']:.4f}")
    return faults


def main(options: argparse.Namespace) -> None:
    tolerance = options.settings["tolerance"]
    profile = shapes.parse_profile(options.settings["profile"])
    batch_sizes = sorted({1, shapes.batch(profile["opt"]), shapes.batch(profile["max"])})
    reference = load(options.reference)
    exports = {
        "onnx": onnx_predict(options.onnx, list(reference.outputs)),
        "torchscript": torchscript_predict(options.torchscript),
    }
    result = {}
    for name, predict in exports.items():
        found = compare(predict, reference, batch_sizes)
        for size, one in found.items():
            log.info("%s, batch %d: max abs error %.2e, agreement %.4f", name, size, one.max_abs_error, one.agreement)
            if faults := breaches(one, tolerance):
                raise UserError(
                    f"{name} differs from PyTorch at batch {size}: {', '.join(faults)}.",
                    "look for an operator that was exported wrongly, or widen export.tolerance",
                )
        result[name] = {str(size): asdict(one) for size, one in found.items()}
    write_json(options.parity, {"samples": len(reference.labels), "tolerance": tolerance, "exports": result})


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"tolerance": export.tolerance, "profile": profile}')
    result.add_argument("--onnx", type=Path, required=True, help="model.onnx")
    result.add_argument("--torchscript", type=Path, required=True, help="model.ts")
    result.add_argument("--reference", type=Path, required=True, help="reference.npz")
    result.add_argument("--parity", type=Path, required=True, help="output: parity.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
