"""One point of one served model: perf_analyzer's figures, and what its server says of it."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tritonclient.utils import InferenceServerException

from model.reference import Reference
from plan.loads import Load, Windows
from plan.settings.perf import Target
from program.temporary import scratch
from record import perf_analyzer
from serve import endpoint
from serve.server import Server


def warm_up(running: Server, target: Target, samples: Reference, batch_sizes: Iterable[int]) -> None:
    """Send a model one request of each batch size, so that none that is measured is the first.

    The first one pays for what is loaded late: up to a second in PyTriton, where perf_analyzer fails a point that has a
    window without an answer. An answer that is an error is left to the measurement, whose point says so.
    """
    whole = endpoint.Place(1, True, True) if target.model.state else None
    sent = samples.renamed(target.model)
    with endpoint.connected(running, "grpc", target.name) as one:
        for size in batch_sizes:
            batch = sent.at_least(size).first(size).inputs
            inputs = batch if target.model.batching else {name: array[0] for name, array in batch.items()}
            with suppress(InferenceServerException):
                one.infer(inputs, [], whole)


def measured(
    running: Server, target: Target, load: Load, windows: Windows, data: Path, raw: Path, slo_ms: float | None = None
) -> dict[str, Any]:
    """One point, with the effective batch size while it was measured; `raw` is emptied and gets perf_analyzer's files.

    data: samples as perf_analyzer takes them; slo_ms: of requests that are sent at a rate. Raises UserError when the
    server or the process of a model ended meanwhile.
    """
    for path in raw.iterdir():
        path.unlink()
    url = {"grpc": running.grpc, "http": running.http}[load.protocol]
    with endpoint.connected(running, "http", target.counted) as one, scratch() as libraries:
        before = one.statistics()
        metrics = running.metrics if target.device == "cuda" else None
        command = perf_analyzer.command(target.name, url, load, windows, data, metrics)
        point = perf_analyzer.measure(command, load, raw, libraries, perf_analyzer.limit(windows), slo_ms)
        running.require_alive()
        after = one.statistics()
    executions = after["executions"] - before["executions"]
    inferences = after["inferences"] - before["inferences"]
    return {
        **point,
        "effective_batch": inferences / executions if executions else None,
        "command": " ".join([*map("=".join, perf_analyzer.sharing(load).items()), "perf_analyzer", *command]),
    }
