"""Rule export_torchscript: model.ts, the module as TorchScript, traced."""

import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch

from model.tracing import reason, traceable
from plan.settings.export import TorchScript
from program.cli import UserError, log
from program.files import whole_file
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: TorchScript
    model: Annotated[Path, "model.pt"]
    reference: Annotated[Path, "reference.npz, whose inputs trace the module"]
    torchscript: Annotated[Path, "output: model.ts"]
    without: Annotated[str, "how to configure a run without it, for the message if it fails"] = ""


def to_torchscript(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], without: str = ""
) -> torch.jit.ScriptModule:
    """The module as TorchScript, by tracing it, or itself if it is that already.

    Raises UserError, with `without` as a hint, if it fails.
    """
    if isinstance(module, torch.jit.ScriptModule):
        return module
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced: torch.jit.ScriptModule = torch.jit.trace(module, inputs)
    except Exception as error:  # of the tracer, of the module that it runs
        log.debug("%s", error)
        what = f"the module cannot be exported to TorchScript: {reason(error)}."
        raise UserError(what, "; or ".join(filter(None, [without, "see the rule's log"]))) from error
    return traced


def torchscript_bytes(traced: torch.jit.ScriptModule) -> bytes:
    """The bytes of model.ts without its debug files, as in export.py, and without the number that follows from them."""
    with io.BytesIO() as whole, io.BytesIO() as result:
        torch.jit.save(traced, whole)
        with zipfile.ZipFile(whole) as old, zipfile.ZipFile(result, "w") as new:
            for one in old.infolist():
                if not one.filename.endswith((".debug_pkl", "/.data/serialization_id")):
                    new.writestr(one, old.read(one))
        return result.getvalue()


def main(job: Job) -> None:
    module, inputs = traceable(job.model, job.reference, job.settings.batching)
    with whole_file(job.torchscript) as temporary:
        temporary.write_bytes(torchscript_bytes(to_torchscript(module, inputs, job.without)))
    log.info("exported to TorchScript")


if __name__ == "__main__":
    run(main, Job, __doc__)
