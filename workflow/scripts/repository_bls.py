"""Rule repository_bls: a repository of the model that takes raw samples and calls another one, and of that other one.

Raw samples or encoded files come in, the model file prepares them, the inner model answers, the model file interprets.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from plan.settings.repository import BlsRepository
from program.cli import log
from program.job import run
from serve import modelconfig
from serve import repository as repositories


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: BlsRepository
    inner: Annotated[Path, "repository of the model that is called"]
    model_py: Annotated[Path, "the served Python model"]
    model_file: Annotated[Path, "Python file of the model"]
    beside: Annotated[list[Path], "files beside the model file that it needs"]
    repository: Annotated[Path, "output: directory"]
    listing: Annotated[Path, "output: the names and hashes of its files"]


def main(job: Job) -> None:
    settings = job.settings
    with repositories.written(job.repository, job.listing) as temporary:
        (inner,) = repositories.add_models_of(temporary, job.inner)
        config = modelconfig.bls(settings.name, settings.model, inner, settings.serving)
        files = {"model.py": job.model_py, **repositories.processing(job.model_file, job.beside)}
        repositories.add_model(temporary, config, files)
    log.info("repository of %s, which calls %s", config.name, inner.name)


if __name__ == "__main__":
    run(main, Job, __doc__)
