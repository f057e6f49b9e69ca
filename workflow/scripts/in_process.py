"""Rule in_process: one repeat of a variant's model called in a loop, without a server.

At every shape of a sample that is measured, and at the batches opt and max of the profile.

What one instance computes with its threads when nothing else is to be done: beside the ceiling, the other limit of
what a server can reach. The runtime, the model and the number of threads are those that Triton serves. The samples are
those of the sweeps, again and again. A variant that failed its health check has no rows.
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np

from model.reference import load as load_reference
from model.samples import of_shape
from program import cli
from program.cli import log
from program.files import read_json
from record import points
from serve import runtime

# The first calls allocate memory and choose kernels.
WARM_UP_CALLS = 3


def measured(infer: runtime.Infer, batch: list[np.ndarray], window_ms: float) -> dict[str, Any]:
    """Call `infer` with one batch for a window: samples per second, and the median of a call in microseconds."""
    for _ in range(WARM_UP_CALLS):
        infer(batch)
    times = [time.perf_counter_ns()]
    while times[-1] - times[0] < window_ms * 1e6:
        infer(batch)
        times.append(time.perf_counter_ns())
    calls, elapsed = len(times) - 1, times[-1] - times[0]
    return {
        "throughput": len(batch[0]) * calls / elapsed * 1e9,
        "latency_p50": float(np.median(np.diff(times))) / 1e3,
        "calls": calls,
    }


def repeat(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The figures at each shape and batch size."""
    settings = options.settings
    (directory,) = (path.parent for path in options.repository.rglob("runtime.py"))
    threads = runtime.threads(settings["threads"], settings["instances"])
    names = [tensor["name"] for tensor in settings["inputs"]]
    infer = runtime.load(directory, names, settings["outputs"], threads, settings["device"])
    reference = load_reference(options.reference)
    rows = []
    for shape, size in itertools.product(settings["shapes"], settings["batch_sizes"]):
        found = of_shape(reference, shape, size, settings["inputs"], options.model_file)
        batch = [np.resize(array, (size, *array.shape[1:])) for array in found.inputs.values()]
        figures = measured(infer, batch, settings["window_ms"])
        rows.append({"shape": shape, "batch_size": size, "threads": threads, **figures})
    return rows


def main(options: argparse.Namespace) -> None:
    name = options.settings["variant"]
    rows = repeat(options) if read_json(options.health)["healthy"] else []
    table = [{"variant": name, "repeat": options.repeat, **row} for row in rows]
    points.write(options.table, table, points.IN_PROCESS_COLUMNS)
    for row in rows:
        log.info(
            "%s #%d without a server, batch %d%s: %.0f samples/s",
            *(name, options.repeat, row["batch_size"], f" of {row['shape']}" if row["shape"] else ""),
            row["throughput"],
        )


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result,
        '{"variant": …, "inputs": of the config, "outputs": names, "shapes": […], "batch_sizes": […], "threads": …, …}',
    )
    result.add_argument("--repository", type=Path, required=True, help="model repository with one runtime.py")
    result.add_argument("--health", type=Path, required=True, help="health.json of the variant")
    result.add_argument("--reference", type=Path, required=True, help="reference.npz")
    result.add_argument("--model-file", type=Path, help="model file, whose example may be asked for samples")
    result.add_argument("--repeat", type=int, required=True, help="number of this repeat, from 1")
    result.add_argument("--table", type=Path, required=True, help="output: CSV")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
