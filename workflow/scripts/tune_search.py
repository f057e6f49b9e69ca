"""Rule tune_search: measure the configurations of a search space with Model Analyzer.

results.csv is Model Analyzer's own table, configs/ the config.pbtxt of every configuration in it. A search that was
interrupted goes on where it was: its checkpoints are kept until it has ended. A measurement that fails is an error,
which Model Analyzer alone does not make of it.
"""

import csv
import shutil
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from tqdm import tqdm

from model.reference import load
from model.samples import of_shape
from plan.settings.tune import Search
from program.cli import UserError, log
from program.files import read_json, whole_directory, whole_file
from program.job import run
from program.temporary import scratch
from record import inputs
from record.recorded import read_checks
from serve import modelconfig
from serve import repository as repositories
from tuning import analyzer, launch, space


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Search
    model_analyzer: Annotated[Path, "the program model-analyzer"]
    version: Annotated[Path, "model_analyzer.json"]
    repository: Annotated[Path, "model repository of the variant"]
    checks: Annotated[Path, "checks.json of the variant"]
    reference: Annotated[Path, "reference.npz"]
    model_file: Annotated[Path | None, "model file, whose example may be asked for samples"]
    checkpoints: Annotated[Path, "directory that outlives an interruption"]
    analyzer_log: Annotated[Path, "output: Model Analyzer's log"]
    server_log: Annotated[Path, "output: Triton's log"]
    results: Annotated[Path, "output: results.csv"]
    configs: Annotated[Path, "output: directory of config.pbtxt files"]


def prepare(job: Job, settings: Search, work: Path) -> dict[str, Any]:
    """Lay out `work`: the repository to search, the samples of the load; returns Model Analyzer's configuration.

    Raises UserError when the model has nothing of what the search varies.
    """
    (config,) = repositories.configs(job.repository)
    space.require_searchable(config, settings.search)
    repositories.copy(job.repository, work / "models")
    base = space.searched(config, settings.search)
    (work / "models" / config.name / "config.pbtxt").write_text(modelconfig.text(base))
    windows = settings.windows
    samples = of_shape(load(job.reference), windows.shape, windows.samples, settings.inputs, job.model_file)
    inputs.write(work / "samples.json", samples, settings.model)
    profile = space.model_profile(base, settings)
    return {
        **analyzer.configuration(work, config.name, profile, settings.windows),
        **launch.configuration(settings.launch, work, settings.server),
        **space.ranges(settings),
        **(asdict(settings.steering) if settings.steering else {}),
    }


def search(job: Job, work: Path) -> list[dict[str, str]]:
    """Run the search in `work`; returns the rows of its results.

    Raises UserError when its server does not start, or when a measurement failed; the others stay in the checkpoint.
    """
    settings = job.settings
    config = prepare(job, settings, work)
    identity = {"settings": asdict(settings), "model_analyzer": read_json(job.version)["version"]}
    checkpoint = analyzer.checkpoints(job.checkpoints, identity, job.repository)
    config["checkpoint_directory"] = str(checkpoint.resolve())
    profile = analyzer.profile(job.model_analyzer, config, work, job.analyzer_log)
    with launch.available(settings.launch, work), closing(profile) as lines:
        for line in tqdm(lines, desc="Model Analyzer", unit="measurement", total=space.measurements(settings)):
            log.debug("%s", line)
    with (work / analyzer.RESULTS).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    measured = {(row["Model Config Path"], int(row["Concurrency"])) for row in rows}
    failed = analyzer.failures(job.analyzer_log.read_text(errors="replace"), measured)
    if failed:
        hint = f"see {job.analyzer_log} and its server's log; another run repeats only what failed"
        raise UserError(f"{len(failed)} of the measurements failed: {'; '.join(failed)}.", hint)
    shutil.rmtree(job.checkpoints)
    return rows


def main(job: Job) -> None:
    checks = read_checks(job.checks)
    if checks["faults"]:
        raise UserError(f"{checks['variant']} is unhealthy: {'; '.join(checks['faults'])}.", f"see {job.checks}")
    with scratch() as work:
        try:
            rows = search(job, work)
        finally:
            if (work / "triton.log").exists():
                shutil.copy(work / "triton.log", job.server_log)
        with whole_directory(job.configs) as configs:
            for name in sorted({row["Model Config Path"] for row in rows}):
                shutil.copy(work / "configs" / name / "config.pbtxt", configs / f"{name}.pbtxt")
        with whole_file(job.results) as results:
            shutil.copy(work / analyzer.RESULTS, results)
    log.info("%d measurements of %d configurations", len(rows), len({row["Model Config Path"] for row in rows}))


if __name__ == "__main__":
    run(main, Job, __doc__)
