"""Rule repository_pytriton: what a PyTriton server needs: pytriton.json, the runtime, and the model that it runs.

It is no Triton repository: PyTriton binds the model from its own process. serve/server.py starts either.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from model import outputs, shapes
from plan.settings.repository import PyTritonRepository
from program.cli import log
from program.files import read_json, require_content, write_json
from program.job import run
from serve import repository as repositories
from serve.repository import PYTRITON


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: PyTritonRepository
    runtime: Annotated[Path, "the framework that runs the model"]
    artifact: Annotated[list[Path], "weights, exported model or engine, and weights beside it"]
    record: Annotated[Path | None, "engine.json, where the artifact is an engine"]
    model_file: Annotated[Path | None, "Python file of the model, where it has one"]
    beside: Annotated[list[Path], "files beside the model file that it needs"]
    repository: Annotated[Path, "output: directory"]
    listing: Annotated[Path, "output: the names and hashes of its files"]


def main(job: Job) -> None:
    settings = job.settings
    profile = {bound: shapes.parse(text) for bound, text in settings.profile.items()}
    if job.record:
        require_content(job.artifact[0], read_json(job.record)["sha256"])
    description = {
        "name": settings.name,
        **asdict(settings.model),
        "runs": asdict(settings.runs),
        "max_batch_size": shapes.batch(profile["max"]) if settings.model.batching else 0,
        "profile": profile,
        **asdict(settings.serving),
    }
    with repositories.written(job.repository, job.listing) as temporary:
        write_json(temporary / PYTRITON, description)
        files = {"runtime.py": job.runtime, "outputs.py": Path(outputs.__file__)}
        files |= {path.name: path for path in job.artifact}
        repositories.copy_files(temporary, files | repositories.processing(job.model_file, job.beside))
    log.info("PyTriton server of %s, max batch %d", description["name"], description["max_batch_size"])


if __name__ == "__main__":
    run(main, Job, __doc__)
