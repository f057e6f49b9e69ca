"""Rule accept: is the trained model accurate enough to go on with?

Nothing is made again when the bound changes: training depends on no bound, and what follows only waits for this rule.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from plan.settings.train import Accept
from program.cli import UserError
from program.files import read_json, write_json
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Accept
    metrics: Annotated[Path, "metrics.json"]
    accepted: Annotated[Path, "output: JSON"]


def main(job: Job) -> None:
    accuracy, least = read_json(job.metrics)["accuracy"], job.settings.min_accuracy
    if accuracy is not None and accuracy < least:
        hint = "train for more epochs, or lower train.min_accuracy"
        raise UserError(f"accuracy {accuracy:.4f} is below train.min_accuracy {least:g}.", hint)
    write_json(job.accepted, {"accuracy": accuracy, "min_accuracy": least})


if __name__ == "__main__":
    run(main, Job, __doc__)
