"""Rule tune_environment: the version of Model Analyzer, another one searches again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from plan.settings.tune import Environment
from program.cli import log
from program.files import write_json
from program.job import run
from tuning import analyzer


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Environment
    version: Annotated[Path, "output: model_analyzer.json"]


def main(job: Job) -> None:
    version = analyzer.version(Path(job.settings.model_analyzer))
    write_json(job.version, {"version": version})
    log.info("Model Analyzer %s", version)


if __name__ == "__main__":
    run(main, Job, __doc__)
