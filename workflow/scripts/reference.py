"""Rule reference: what PyTorch answers.

reference.npz holds the test set as the model takes it, or inputs that are made up, and PyTorch's outputs; where axes
vary also inputs of the profile's sizes. reference_raw.npz holds the same for those who send raw samples and get
answers. Everything after this stage compares with them, and needs neither PyTorch nor the model file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from model.interface import load_checkpoint, predict
from model.references import answered, save_all
from model.tensors import Arrays
from plan.settings.export import Reference
from program.cli import log
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Reference
    model: Annotated[Path, "model.pt"]
    dataset: Annotated[Path | None, "test.npz, where there is a data set"]
    reference: Annotated[Path, "output: reference.npz"]
    raw_reference: Annotated[Path | None, "output: reference_raw.npz, where there are raw samples"]


def main(job: Job) -> None:
    settings = job.settings
    module, source = load_checkpoint(job.model)

    def answer(inputs: Arrays) -> list[np.ndarray]:
        return predict(module, inputs, batching=settings.model.batching)

    groups = answered(answer, source, job.dataset, settings.model, settings.shapes)
    save_all(job.reference, groups, job.raw_reference, job.dataset, source, settings.raw)
    log.info("PyTorch's answers for %d inputs", sum(group.samples for group in groups))


if __name__ == "__main__":
    run(main, Job, __doc__)
