"""Rule repository: a complete Triton model repository for one variant, `<model>/config.pbtxt` and `<model>/1/…`.

A native backend lies in the model's directory, where Triton looks before its backend directory; else Triton's Python
backend serves the model with model.py and a runtime. The same directory loads in the bundled server and in a full one.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from model import shapes
from plan.settings.repository import Repository
from program.cli import log
from program.files import read_json, require_content
from program.job import run
from serve import modelconfig
from serve import repository as repositories


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Repository
    library: Annotated[Path | None, "the native backend that serves it"]
    model_py: Annotated[Path | None, "the Python model that serves it"]
    runtime: Annotated[Path | None, "the framework that runs it in Python"]
    artifact: Annotated[list[Path], "the exported model or engine, and weights beside it"]
    record: Annotated[Path | None, "engine.json, where the artifact is an engine"]
    repository: Annotated[Path, "output: directory"]
    listing: Annotated[Path, "output: the names and hashes of its files"]


def main(job: Job) -> None:
    settings = job.settings
    profile = {bound: shapes.parse(text) for bound, text in settings.profile.items()}
    config = modelconfig.engine_model(settings.name, settings.model, profile, settings.serving, settings.backend)
    if job.record:
        require_content(job.artifact[0], read_json(job.record)["sha256"])
    files = {"model.py": job.model_py, "runtime.py": job.runtime, **{path.name: path for path in job.artifact}}
    with repositories.written(job.repository, job.listing) as temporary:
        repositories.add_model(temporary, config, {name: path for name, path in files.items() if path})
        if job.library:
            shutil.copy(job.library, temporary / config.name)
    log.info("repository of %s, max batch %d", config.name, config.max_batch_size)


if __name__ == "__main__":
    run(main, Job, __doc__)
