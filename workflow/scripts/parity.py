"""Rule parity: how far ONNX and TorchScript are from PyTorch, at the shapes of the profile and for single samples.

parity.json: for every export and batch size, or shape where axes vary, the largest absolute and relative difference
and the agreement on the reference's samples. Beyond the tolerance the rule fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from model import shapes
from model.interface import in_batches
from model.reference import Difference, Reference, agrees, cases, difference, load
from model.tensors import Arrays
from plan.settings.export import Parity, Tolerance
from program.cli import UserError, log
from program.files import write_json
from program.job import run

Predict = Callable[[Arrays], list[np.ndarray]]


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Parity
    onnx: Annotated[Path, "model.onnx"]
    torchscript: Annotated[Path | None, "model.ts, where there is one"]
    reference: Annotated[Path, "reference.npz"]
    parity: Annotated[Path, "output: parity.json"]


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


def breaches(found: Difference, tolerance: Tolerance) -> list[str]:
    """The bounds that a difference does not keep, in words."""
    errors = {
        "abs error": (found.max_abs_error, tolerance.max_abs_error),
        "rel error": (found.max_rel_error, tolerance.max_rel_error),
    }
    # NaN is beyond every bound.
    faults = [f"{name} {value:.3g} > {most:.3g}" for name, (value, most) in errors.items() if not value <= most]
    if found.agreement is not None and found.agreement < tolerance.min_agreement:
        faults.append(f"agreement {found.agreement:.4f} < {tolerance.min_agreement:.4f}")
    return faults


def main(job: Job) -> None:
    tolerance = job.settings.tolerance
    profile = shapes.parse_profile(job.settings.profile)
    groups = load(job.reference)
    exports = {"onnx": onnx_predict(job.onnx, list(groups[0].outputs))}
    if job.torchscript:
        exports["torchscript"] = torchscript_predict(job.torchscript)
    single = {name: [1, *dims[1:]] for name, dims in profile["opt"].items()}
    checked = cases(groups, {"single": single, **profile})
    result = {}
    for name, predict in exports.items():
        found = compare(predict, checked, agrees(job.settings.outputs))
        for label, one in found.items():
            log.info("%s, %s: max abs error %.2e, agreement %s", name, label, one.max_abs_error, one.agreement)
            if faults := breaches(one, tolerance):
                place = f"batch {label}" if label.isdigit() else label
                raise UserError(
                    f"{name} differs from PyTorch at {place}: {', '.join(faults)}.",
                    "look for an operator that was exported wrongly, or widen export.tolerance",
                )
        result[name] = {label: asdict(one) for label, one in found.items()}
    write_json(job.parity, {"samples": groups[0].samples, "tolerance": asdict(tolerance), "exports": result})


if __name__ == "__main__":
    run(main, Job, __doc__)
