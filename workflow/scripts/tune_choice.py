"""Rule tune_choice: what was searched, what was found, and whether the default configuration stays.

choice.json has the measurements with the settings of their configurations, those on the front of throughput and p99
latency, the winner, the proof, and `chosen`: `tuned` only where the gain is shown.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from analyse.tables import read, records
from plan.settings.tune import Choice
from program.cli import log
from program.files import read_json, write_json
from program.job import run
from serve import modelconfig
from serve import repository as repositories
from tuning import results, space
from tuning.choice import decide, front, proven


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Choice
    version: Annotated[Path | None, "model_analyzer.json, where Model Analyzer searched"]
    results: Annotated[Path, "results.csv"]
    configs: Annotated[Path, "directory of config.pbtxt files"]
    repository: Annotated[Path, "model repository of the variant"]
    candidate: Annotated[Path, "repository of the candidate"]
    record: Annotated[Path, "candidate.json"]
    proof: Annotated[Path, "proof.csv"]
    choice: Annotated[Path, "output: choice.json"]


def measurements(rows: list[dict[str, Any]], configs: Path, constraints: Any) -> list[dict[str, Any]]:
    """Every measurement, with the settings of its configuration and what it is worth."""
    settings = {
        path.stem: space.described(modelconfig.parse(path.read_text(encoding="utf-8")))
        for path in configs.glob("*.pbtxt")
    }
    best = front(rows)
    return [
        {
            **row,
            "default": row["config"].endswith(results.DEFAULT),
            "settings": settings[row["config"]],
            "meets_constraints": results.meets(row, constraints),
            "on_front": row in best,
        }
        for row in rows
    ]


def main(job: Job) -> None:
    settings = job.settings
    record = read_json(job.record)
    proof = proven(records(read(job.proof)), settings.objectives)
    chosen, why = decide(record, proof, settings.constraints)
    (default,), (candidate,) = (repositories.configs(path) for path in (job.repository, job.candidate))
    write_json(
        job.choice,
        {
            **asdict(settings),
            "model": default.name,
            "model_analyzer": read_json(job.version)["version"] if job.version else None,
            "measurements": measurements(results.read(job.results), job.configs, settings.constraints),
            "winner": record["winner"],
            "beaten": record["default"],
            "default": space.described(default),
            "tuned": space.described(candidate),
            "proof": proof,
            "chosen": chosen,
            "why": why,
        },
    )
    log.info("%s: %s", settings.variant, why)


if __name__ == "__main__":
    run(main, Job, __doc__)
