"""Rule sweep: one repeat of all load levels against one variant, with a server of its own.

points.csv has one row per load level: perf_analyzer's figures, the status of the point, and the effective batch size
from the server's statistics. raw/ keeps perf_analyzer's own files. An unhealthy variant is not measured: its rows say
why.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tqdm import tqdm

from model.reference import load as load_reference
from model.samples import of_shape
from plan.loads import Load
from plan.settings.perf import Sweep
from program.cli import log
from program.files import whole_directory
from program.job import run
from record import inputs, perf_analyzer
from record.points import LEVEL, write
from record.recorded import read_health
from serve import endpoint, server

# perf_analyzer's own limit is windows × length; this only catches one that hangs.
_TIMEOUT_FACTOR = 5


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Sweep
    repository: Annotated[Path, "model repository"]
    health: Annotated[Path, "health.json of the variant"]
    reference: Annotated[Path, "reference.npz"]
    model_file: Annotated[Path | None, "model file, whose example may be asked for samples"]
    server_log: Annotated[Path, "output: Triton's log"]
    raw: Annotated[Path, "output: directory of perf_analyzer's files"]
    points: Annotated[Path, "output: points.csv"]


def measured(running: server.Server, load: Load, settings: Sweep, data: Path, raw: Path) -> dict[str, Any]:
    """One point, with the effective batch size while it was measured."""
    windows = settings.windows
    url = {"grpc": running.grpc, "http": running.http}[load.protocol]
    timeout = 60 + _TIMEOUT_FACTOR * windows.max_windows * windows.window_ms / 1000
    with endpoint.connected(running, "http", settings.counted) as one, tempfile.TemporaryDirectory() as libraries:
        before = one.statistics()
        metrics = running.metrics if settings.device == "cuda" else None
        command = perf_analyzer.command(settings.name, url, load, windows, data, metrics)
        point = perf_analyzer.measure(command, load, raw, Path(libraries), timeout, settings.slo_ms)
        after = one.statistics()
    executions = after["executions"] - before["executions"]
    inferences = after["inferences"] - before["inferences"]
    return {
        **point,
        "effective_batch": inferences / executions if executions else None,
        "command": " ".join([*map("=".join, perf_analyzer.sharing(load).items()), "perf_analyzer", *command]),
    }


def samples(job: Job, settings: Sweep, directory: Path) -> dict[str, Path]:
    """Files in `directory` with the samples of every shape, for perf_analyzer."""
    reference = load_reference(job.reference)
    result = {}
    for number, shape in enumerate(dict.fromkeys(load.shape for load in settings.loads)):
        found = of_shape(reference, shape, settings.windows.samples, settings.inputs, job.model_file)
        result[shape] = directory / f"samples-{number}.json"
        result[shape].write_text(inputs.as_json(found.renamed(settings.model)))
    return result


def sweep(job: Job, settings: Sweep, raw: Path) -> list[dict[str, Any]]:
    """Measure all load levels; `raw` receives the files of perf_analyzer."""
    points = []
    with tempfile.TemporaryDirectory() as directory:
        data = samples(job, settings, Path(directory))
        names = server.models(job.repository)
        with server.running(job.repository, names, job.server_log, kind=settings.server) as running:
            for load in tqdm(settings.loads, desc=f"{settings.variant} #{settings.repeat}", unit="point"):
                point = measured(running, load, settings, data[load.shape], raw)
                log.debug("%s: %s", load.name, point)
                points.append({**vars(load), **point})
    return points


def not_measured(settings: Sweep, health: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of an unhealthy variant."""
    reason = "not measured, unhealthy: " + "; ".join(health["reasons"])
    return [{**vars(load), "status": "failed", "reason": reason} for load in settings.loads]


def main(job: Job) -> None:
    settings = job.settings
    health = read_health(job.health)
    with whole_directory(job.raw) as raw:
        points = sweep(job, settings, raw) if health["healthy"] else not_measured(settings, health)
    measured_by = {"variant": settings.variant, "repeat": settings.repeat}
    write(job.points, [{**measured_by, **point} for point in points])
    for point in points:
        log.info(
            "%s #%d, %s: %s infer/s, %s",
            *(settings.variant, settings.repeat, Load(**{key: point[key] for key in LEVEL}).name),
            *(f"{point['throughput']:,.0f}" if "throughput" in point else "no", point["status"]),
        )


if __name__ == "__main__":
    run(main, Job, __doc__)
