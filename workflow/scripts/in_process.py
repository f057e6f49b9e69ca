"""Rule in_process: one repeat of a variant's model called in a loop, without a server.

At every shape of a sample that is measured, and at the batches opt and max of the profile.

What the model computes on all cores when nothing else is to be done: beside the ceiling, the other limit of what a
server can reach on them. The runtime and the model are those that Triton serves. The samples are those of the sweeps,
again and again. A variant that does not serve what it promises has no rows.
"""

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from model import outputs
from model.reference import load as load_reference
from model.samples import of_shape
from model.signature import names
from plan.settings.perf import InProcess
from program.cli import log
from program.files import read_json, require_content
from program.job import run
from program.temporary import scratch
from record import points
from record.recorded import read_checks
from serve import runtime
from serve.repository import processing

# The first calls allocate memory and choose kernels.
WARM_UP_CALLS = 3


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: InProcess
    runtime: Annotated[Path, "the framework that runs the model"]
    artifact: Annotated[list[Path], "the exported model, engine or weights, and weights beside it"]
    record: Annotated[Path | None, "engine.json, where the artifact is an engine"]
    processing: Annotated[Path | None, "model file, for a runtime that builds the model from it"]
    checks: Annotated[Path, "checks.json of the variant"]
    beside: Annotated[list[Path], "files beside the model file that it needs"]
    reference: Annotated[Path, "reference.npz"]
    model_file: Annotated[Path | None, "model file, whose example may be asked for samples"]
    table: Annotated[Path, "output: CSV"]


def measured(infer: runtime.Infer, batch: list[np.ndarray], window_ms: float, samples: int) -> dict[str, Any]:
    """Call `infer` with one batch of some samples for a window: samples per second, and the median call in µs."""
    for _ in range(WARM_UP_CALLS):
        infer(batch)
    times = [time.perf_counter_ns()]
    while times[-1] - times[0] < window_ms * 1e6:
        infer(batch)
        times.append(time.perf_counter_ns())
    calls, elapsed = len(times) - 1, times[-1] - times[0]
    return {
        "throughput": samples * calls / elapsed * 1e9,
        "latency_p50": float(np.median(np.diff(times))) / 1e3,
        "calls": calls,
    }


def lay_out(job: Job, directory: Path) -> None:
    """Put what a runtime expects beside itself into a directory. Raises UserError when the engine is damaged."""
    if job.record:
        require_content(job.artifact[0], read_json(job.record)["sha256"])
    files = {"runtime.py": job.runtime, "outputs.py": Path(outputs.__file__)}
    files |= {path.name: path for path in job.artifact}
    for name, path in (files | processing(job.processing, job.beside)).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).symlink_to(path.resolve())


def repeat(job: Job, directory: Path) -> list[dict[str, Any]]:
    """The figures at each shape and batch size, of the runtime in `directory`."""
    settings = job.settings
    threads = runtime.threads("all")
    model = settings.model
    infer = runtime.load(directory, names(model.inputs), names(model.outputs), threads, settings.device)
    reference = load_reference(job.reference)
    rows = []
    for shape, size in itertools.product(settings.shapes, settings.batch_sizes):
        found = of_shape(reference, shape, size, model.inputs, job.model_file)
        stacked = [np.resize(array, (size, *array.shape[1:])) for array in found.inputs.values()]
        batch = stacked if model.batching else [np.asarray(array[0]) for array in stacked]
        figures = measured(infer, batch, settings.window_ms, size)
        rows.append({"shape": shape, "batch_size": size, "threads": threads, **figures})
    return rows


def main(job: Job) -> None:
    name = job.settings.variant
    rows = []
    if not read_checks(job.checks)["faults"]:
        with scratch() as directory:
            lay_out(job, directory)
            rows = repeat(job, directory)
    table = [{"variant": name, "repeat": job.settings.repeat, **row} for row in rows]
    points.write(job.table, table, points.IN_PROCESS_COLUMNS)
    for row in rows:
        log.info(
            "%s #%d without a server, batch %d%s: %.0f samples/s",
            *(name, job.settings.repeat, row["batch_size"], f" of {row['shape']}" if row["shape"] else ""),
            row["throughput"],
        )


if __name__ == "__main__":
    run(main, Job, __doc__)
