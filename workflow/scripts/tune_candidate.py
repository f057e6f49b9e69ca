"""Rule tune_candidate: the best configuration that the search found within the constraints, as a repository.

candidate.json names the measurement that won, and that of the default configuration which it has to beat. Where the
default won, or nothing met the constraints, the repository is the variant's own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from plan.settings.tune import Goal
from program.cli import log
from program.files import whole_directory, write_json
from program.job import run
from serve import modelconfig
from serve import repository as repositories
from tuning import results, space


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Goal
    results: Annotated[Path, "results.csv"]
    configs: Annotated[Path, "directory of config.pbtxt files"]
    repository: Annotated[Path, "model repository of the variant"]
    candidate: Annotated[Path, "output: repository"]
    record: Annotated[Path, "output: candidate.json"]


def main(job: Job) -> None:
    settings = job.settings
    rows = results.read(job.results)
    winner, rival = results.contest(rows, settings.objectives, settings.constraints)
    (config,) = repositories.configs(job.repository)
    differs = winner is not None and not winner["config"].endswith(results.DEFAULT)
    if winner is not None and differs:
        found = modelconfig.parse((job.configs / f"{winner['config']}.pbtxt").read_text(encoding="utf-8"))
        config = space.tuned(config, found)
    with whole_directory(job.candidate) as temporary:
        repositories.copy(job.repository, temporary)
        (temporary / config.name / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
    write_json(job.record, {"winner": winner, "default": rival, "differs": differs})
    met = f"{winner['config']} at concurrency {winner['concurrency']}" if winner else "none"
    log.info("best within %s: %s", results.bounds(settings.constraints), met)


if __name__ == "__main__":
    run(main, Job, __doc__)
