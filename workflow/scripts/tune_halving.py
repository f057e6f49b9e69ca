"""Rule tune_halving: find the best configuration of a search space by successive halving, without Model Analyzer.

One Triton serves all configurations, each as a model of its own. In every round each of them takes a turn at each load
that it is still in with, as in head_to_head; then the worse half leaves. results.csv has the columns that Model
Analyzer's has, configs/ the config.pbtxt of every configuration, turns.csv one row per turn.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from tqdm import tqdm

from model.reference import load
from model.samples import of_shape
from plan.loads import Load
from plan.settings.tune import Halving
from program.cli import UserError, log
from program.files import whole_directory
from program.job import run
from program.temporary import scratch
from record import inputs, turns
from record.measurement import warm_up
from record.points import LEVEL, write
from record.recorded import read_checks
from record.surroundings import undisturbed
from serve import modelconfig, server
from serve import repository as repositories
from tuning import halving, results, space
from tuning.halving import Contestant

# Seconds that a configuration may take to load; a few of them have as long as any server.
_LOADING, _FEW = 30.0, 10
Take = Callable[[Contestant], dict[str, Any]]
COLUMNS = [
    *("config", "round", "turn", "started", "seconds", *LEVEL, "throughput", "latency_avg", "latency_p50"),
    *("latency_p90", "latency_p95", "latency_p99", "foreign_cpu", "steal", "attempts", "disturbed", "job", "host"),
]


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Halving
    repository: Annotated[Path, "model repository of the variant"]
    checks: Annotated[Path, "checks.json of the variant"]
    reference: Annotated[Path, "reference.npz"]
    model_file: Annotated[Path | None, "model file, whose example may be asked for samples"]
    server_log: Annotated[Path, "output: Triton's log"]
    results: Annotated[Path, "output: results.csv"]
    configs: Annotated[Path, "output: directory of config.pbtxt files"]
    turns: Annotated[Path, "output: turns.csv"]


def searched(job: Job) -> list[Any]:
    """The ModelConfigs of all configurations. Raises UserError where the model has no parameter for their threads."""
    (config,) = repositories.configs(job.repository)
    search = job.settings.search
    space.require_searchable(config, search)
    return space.combinations(config, search, results.DEFAULT)


def turn(triton: server.Server, settings: Halving, data: Path, raw: Path, one: Contestant) -> dict[str, Any]:
    """A contestant's point, on its own model. Raises UserError when it failed."""
    level = Load(settings.windows.protocol, settings.batch_size, one.concurrency, shape=settings.windows.shape)
    target = replace(settings.target, name=one.config, counted=one.config)
    take = partial(turns.taken, triton, target, level, settings.windows, data, raw)
    point = undisturbed(take, settings.max_foreign_cpu)
    if point["status"] == "failed":
        what = f"{one.config} at concurrency {one.concurrency}"
        raise UserError(f"{what}: {point['reason']}.", f"see {triton.log_file}")
    log.debug("%s: %s", one, point)
    return {**vars(level), **point}


@contextmanager
def served(job: Job, configs: Sequence[Any]) -> Iterator[Take]:
    """Serve configurations on one Triton until the block ends; yields what takes the turn of one at a load.

    Raises UserError when the server does not start.
    """
    settings, target = job.settings, job.settings.target
    sent = (settings.windows.shape, settings.windows.samples, target.inputs, job.model_file)
    with scratch() as work:
        models, data, raw = work / "models", work / "samples.json", work / "raw"
        for config in configs:
            repositories.add_linked(models, config, job.repository / target.name)
        samples = of_shape(load(job.reference), *sent)
        inputs.write(data, samples, target.model)
        raw.mkdir()
        names = [config.name for config in configs]
        timeout = _LOADING * max(_FEW, len(names))
        with server.running(models, names, job.server_log, timeout, kind=settings.server) as triton:
            for name in names:
                warm_up(triton, replace(target, name=name), samples, [settings.batch_size])
            yield partial(turn, triton, settings, data, raw)


def contestants(job: Job, configs: Sequence[Any]) -> list[Contestant]:
    """Each configuration at each load."""
    return [Contestant(one.name, level) for one in configs for level in job.settings.search.concurrencies]


def search(job: Job, configs: Sequence[Any]) -> list[dict[str, Any]]:
    """The turns of all rounds. Raises UserError when the server does not start, or when a turn failed."""
    every = contestants(job, configs)
    total = halving.turns_of(len(every))
    with served(job, configs) as take, tqdm(desc="halving", unit="turn", total=total) as progress:

        def counted(one: Contestant) -> dict[str, Any]:
            point = take(one)
            progress.update()
            return point

        return halving.rounds(every, counted, job.settings.goal)


def main(job: Job) -> None:
    checks = read_checks(job.checks)
    if checks["faults"]:
        raise UserError(f"{checks['variant']} is unhealthy: {'; '.join(checks['faults'])}.", f"see {job.checks}")
    configs = searched(job)
    taken = search(job, configs)
    with whole_directory(job.configs) as directory:
        for config in configs:
            (directory / f"{config.name}.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
    write(job.turns, taken, COLUMNS)
    results.write(job.results, [halving.summary(one, taken) for one in contestants(job, configs)])
    disturbed = sum(bool(turn["disturbed"]) for turn in taken)
    log.info("%d turns of %d configurations, %d disturbed", len(taken), len(configs), disturbed)


if __name__ == "__main__":
    run(main, Job, __doc__)
