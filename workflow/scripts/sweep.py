"""Rule sweep: one repeat of all load levels against one variant, with a server of its own.

points.csv has one row per load level: perf_analyzer's figures, the status of the point, the effective batch size from
the server's statistics, and where and when it was measured. raw/ keeps perf_analyzer's own files. A point that was
measured before, under the same conditions, is taken over; where none is missing, no server starts. A variant that does
not serve what it promises is not measured: its rows say why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from tqdm import tqdm

from model.reference import load as load_reference
from model.samples import of_shape
from plan.loads import Load
from plan.settings.perf import Sweep
from program.cli import log
from program.files import checksum, whole_directory
from program.job import run
from program.temporary import scratch
from record import inputs
from record.measurement import measured, warm_up
from record.points import LEVEL, write
from record.recorded import read_checks
from record.store import Store
from record.surroundings import memory_mib, undisturbed
from serve import server


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Sweep
    repository: Annotated[Path, "model repository"]
    checks: Annotated[Path, "checks.json of the variant"]
    reference: Annotated[Path, "reference.npz"]
    model_file: Annotated[Path | None, "model file, whose example may be asked for samples"]
    store: Annotated[Path, "directory that keeps every point as soon as it is measured"]
    made_by: Annotated[str, "what names the code and the libraries that measure"]
    server_log: Annotated[Path, "output: Triton's log"]
    raw: Annotated[Path, "output: directory of perf_analyzer's files"]
    points: Annotated[Path, "output: points.csv"]


def decided_by(job: Job) -> dict[str, Any]:
    """What the figures of a point follow from: all that the job is given but the list of loads."""
    given = [path for path in (job.repository, job.reference, job.model_file) if path]
    return {
        "settings": {name: value for name, value in asdict(job.settings).items() if name not in ("grid", "slo_ms")},
        "made_by": job.made_by,
        "files": [checksum(path) for path in given],
    }


def samples(job: Job, running: server.Server, loads: Sequence[Load], directory: Path) -> dict[str, Path]:
    """Files in `directory` with the samples of every shape, for perf_analyzer; the model has answered each shape."""
    target, reference = job.settings.target, load_reference(job.reference)
    result = {}
    for number, shape in enumerate(dict.fromkeys(load.shape for load in loads)):
        found = of_shape(reference, shape, job.settings.windows.samples, target.inputs, job.model_file)
        result[shape] = directory / f"samples-{number}.json"
        inputs.write(result[shape], found, target.model)
        warm_up(running, target, found, {load.batch_size for load in loads if load.shape == shape})
    return result


def sweep(job: Job, store: Store, loads: Sequence[Load]) -> None:
    """Measure some load levels, each into the store."""
    settings = job.settings
    names = server.models(job.repository)
    with (
        scratch() as directory,
        server.running(job.repository, names, job.server_log, kind=settings.server) as running,
    ):
        data = samples(job, running, loads, directory)
        for load in tqdm(loads, desc=f"{settings.variant} #{settings.repeat}", unit="point"):
            with store.measuring(load) as (raw, point):
                measure = partial(measured, running, settings.target, load, settings.windows, data[load.shape], raw)
                point |= marked(undisturbed(partial(measure, settings.slo_ms), settings.max_foreign_cpu))
                point["memory_mib"] = memory_mib(running.process.pid)
                log.debug("%s: %s", load.name, point)


def marked(point: dict[str, Any]) -> dict[str, Any]:
    """A point that other processes disturbed counts as unstable, whatever its windows say."""
    if point["disturbed"] and point["status"] != "failed":
        return {**point, "status": "unstable", "reason": point["disturbed"]}
    return point


def not_measured(settings: Sweep, checks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a variant that does not serve what it promises."""
    reason = "not measured, unhealthy: " + "; ".join(checks["faults"])
    return [{**vars(load), "status": "failed", "reason": reason} for load in settings.grid.loads]


def main(job: Job) -> None:
    settings = job.settings
    checks = read_checks(job.checks)
    with whole_directory(job.raw) as raw:
        points = not_measured(settings, checks) if checks["faults"] else all_points(job, raw)
    measured_by = {"variant": settings.variant, "repeat": settings.repeat}
    write(job.points, [{**measured_by, **point} for point in points])
    for point in points:
        log.info(
            "%s #%d, %s: %s infer/s, %s",
            *(settings.variant, settings.repeat, Load(**{key: point[key] for key in LEVEL}).name),
            *(f"{point['throughput']:,.0f}" if "throughput" in point else "no", point["status"]),
        )


def all_points(job: Job, raw: Path) -> list[dict[str, Any]]:
    """The points of all load levels, those that are missing measured now; `raw` gets perf_analyzer's files."""
    loads, store = job.settings.grid.loads, Store(job.store, decided_by(job), job.settings.slo_ms)
    missing = [load for load in loads if not store.has(load)]
    if missing:
        sweep(job, store, missing)
    for load in loads:
        store.copy_raw(load, raw)
    return [{**vars(load), **store.point(load)} for load in loads]


if __name__ == "__main__":
    run(main, Job, __doc__)
