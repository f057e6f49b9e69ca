"""Rule parity: how far ONNX and TorchScript are from PyTorch, at the shapes of the profile and for single samples.

parity.json: for every export and batch size, or shape where axes vary, how far each output is from the reference, over
all of its samples, and the worst of the outputs. Beyond the tolerance the rule fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from model import shapes
from model.comparison import Bounds, Differences, differences, faults, record
from model.graph import runner
from model.interface import in_batches, one_by_one
from model.reference import Reference, cases, load, place
from model.signature import Signature
from model.tensors import Arrays
from plan.settings.export import Parity
from program.cli import UserError, log
from program.files import reading, require_sound_zip, write_json
from program.job import run

if TYPE_CHECKING:
    import torch

Predict = Callable[[Arrays], list[np.ndarray]]


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Parity
    onnx: Annotated[Path | None, "model.onnx, where something needs it"]
    torchscript: Annotated[Path | None, "model.ts, where something needs it"]
    reference: Annotated[Path, "reference.npz"]
    parity: Annotated[Path, "output: parity.json"]


def torchscript_predict(path: Path) -> Predict:
    """Run model.ts. Raises UserError when it is damaged."""
    import torch

    require_sound_zip(path)
    with reading(path):
        module = torch.jit.load(path, map_location="cpu").eval()
    return of_module(module)


def of_module(module: "torch.nn.Module") -> Predict:
    """Run a module."""
    import torch

    from model.outputs import tensors_of

    def one(inputs: Arrays) -> list[np.ndarray]:
        with torch.inference_mode():
            result = module(*[torch.from_numpy(array) for array in inputs.values()])
        return [tensor.numpy() for tensor in tensors_of(result)]

    return one


def compare(predict: Predict, checked: Mapping[str, tuple[Reference, int]], model: Signature) -> dict[str, Differences]:
    """The differences from the reference in each case, over all of its samples."""

    def answers(inputs: Arrays, size: int) -> list[np.ndarray]:
        return in_batches(predict, inputs, size) if model.batching else one_by_one(predict, inputs)

    return {
        label: differences(answers(part.inputs, size), part.outputs, model.outputs)
        for label, (part, size) in checked.items()
    }


def compared(
    name: str, predict: Predict, checked: Mapping[str, tuple[Reference, int]], settings: Parity
) -> dict[str, dict[str, Any]]:
    """How far an export is from the reference in each case. Raises UserError beyond the tolerance."""
    bounds = Bounds(**asdict(settings.tolerance))
    result = {}
    for label, found in compare(predict, checked, settings.model).items():
        if beyond := faults(found, bounds, settings.tolerances):
            raise UserError(
                f"{name} differs from the reference at {place(label)}: {'; '.join(beyond)}.",
                "look for an operator that was exported wrongly, give inputs that the model knows in example of "
                "the model file, or widen export.tolerance",
            )
        result[label] = record(found)
    log.info("%s gives what PyTorch gives at %s", name, ", ".join(map(place, checked)))
    return result


def main(job: Job) -> None:
    settings = job.settings
    profile = {
        bound: shapes.stacked(given, settings.model.batching)
        for bound, given in shapes.parse_profile(settings.profile).items()
    }
    groups = load(job.reference)
    exports: dict[str, Predict] = {}
    if job.onnx:
        exports["onnx"] = runner(job.onnx, list(groups[0].outputs))
    if job.torchscript:
        exports["torchscript"] = torchscript_predict(job.torchscript)
    single = {name: [1, *dims[1:]] for name, dims in profile["opt"].items()}
    checked = cases(groups, {"single": single, **profile})
    result = {name: compared(name, predict, checked, settings) for name, predict in exports.items()}
    write_json(job.parity, {"samples": groups[0].samples, "tolerance": asdict(settings.tolerance), "exports": result})


if __name__ == "__main__":
    run(main, Job, __doc__)
