"""Rule repository_native: a repository of one model that Triton's own backend serves: tensorrt, onnxruntime or pytorch.

It loads in a full Triton, not in the bundled one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from model import shapes
from plan.settings.repository import NativeRepository
from program.cli import UserError, log
from program.files import read_json, require_content
from program.job import run
from serve import modelconfig
from serve import repository as repositories


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: NativeRepository
    artifact: Annotated[list[Path], "the exported model or engine, and weights beside it"]
    record: Annotated[Path | None, "engine.json of an engine with profiles"]
    repository: Annotated[Path, "output: directory"]
    listing: Annotated[Path, "output: the names and hashes of its files"]


def check_profiles(record: Mapping[str, Any], profile: Mapping[str, shapes.Shapes]) -> None:
    """Raises UserError when no profile of the engine, as engine.json reports it, admits the largest shape served."""
    served = shapes.batch(profile["max"])
    admitted = max(shapes.batch(one["max"]) for one in record["profiles"])
    hint = "build it again for profile.max, or lower that"
    if admitted < served:
        raise UserError(f"{record['file']} admits batches of up to {admitted}, and {served} are to be served.", hint)
    if not any(_admits(one["max"], profile["max"]) for one in record["profiles"]):
        raise UserError(f"{record['file']} admits no {shapes.format(profile['max'])}.", hint)


def _admits(high: shapes.Shapes, served: shapes.Shapes) -> bool:
    return all(size <= most for name, dims in served.items() for size, most in zip(dims, high[name]))


def main(job: Job) -> None:
    settings = job.settings
    profile = {bound: shapes.parse(text) for bound, text in settings.profile.items()}
    profiles = 0
    if job.record:
        record = read_json(job.record)
        require_content(job.artifact[0], record["sha256"])
        check_profiles(record, profile)
        profiles = len(record["profiles"])
    config = modelconfig.native_model(
        settings.name, settings.backend, settings.model, profile, settings.serving, profiles
    )
    with repositories.written(job.repository, job.listing) as temporary:
        model, *weights = job.artifact
        repositories.add_model(temporary, config, {settings.file: model, **{path.name: path for path in weights}})
    log.info("repository of %s, backend %s, max batch %d", config.name, config.backend, config.max_batch_size)


if __name__ == "__main__":
    run(main, Job, __doc__)
