"""Rule repository: a complete Triton model repository for one variant, `<model>/config.pbtxt` and `<model>/1/…`.

The same directory loads in the bundled server and in any Triton with the Python backend.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from model import shapes
from plan.settings.repository import Repository
from program.cli import log
from program.files import whole_directory
from program.job import run
from serve import modelconfig
from serve import repository as repositories


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Repository
    model_py: Annotated[Path, "the served Python model"]
    runtime: Annotated[Path, "the framework that runs it"]
    artifact: Annotated[Path | None, "the exported model or engine"]
    repository: Annotated[Path, "output: directory"]


def main(job: Job) -> None:
    settings = job.settings
    profile = {bound: shapes.parse(text) for bound, text in settings.profile.items()}
    config = modelconfig.python_model(
        settings.name, settings.model.inputs, settings.model.outputs, profile, settings.serving
    )
    files = {"model.py": job.model_py, "runtime.py": job.runtime}
    if job.artifact:
        files[job.artifact.name] = job.artifact
    with whole_directory(job.repository) as temporary:
        repositories.add_model(temporary, config, files)
    log.info("repository of %s, max batch %d", config.name, config.max_batch_size)


if __name__ == "__main__":
    run(main, Job, __doc__)
