"""Rule sweep: one repeat of all load levels against one variant, with a server of its own.

points.csv has one row per load level: perf_analyzer's figures, the status of the point, and the effective batch size
from the server's statistics. raw/ keeps perf_analyzer's own files. An unhealthy variant is not measured: its rows say
why.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model.reference import load as load_reference
from model.samples import of_shape
from plan.loads import Load
from program import cli
from program.cli import log
from program.files import read_json, whole_directory
from record import inputs, perf_analyzer
from record.points import LEVEL, write
from serve import endpoint, install, server

# perf_analyzer's own limit is windows × length; this only catches one that hangs.
_TIMEOUT_FACTOR = 5


def loads(settings: Mapping[str, Any]) -> list[Load]:
    """All load levels, in the order of the config."""
    return [Load(**level) for level in settings["sweep"]["loads"]]


def measured(running: server.Server, load: Load, settings: Mapping[str, Any], data: Path, raw: Path) -> dict[str, Any]:
    """One point, with the effective batch size while it was measured."""
    model, sweep = settings["name"], settings["sweep"]
    url = {"grpc": running.grpc, "http": running.http}[load.protocol]
    timeout = 60 + _TIMEOUT_FACTOR * sweep["max_windows"] * sweep["window_ms"] / 1000
    with endpoint.connected(running, "http", settings["counted"]) as one, tempfile.TemporaryDirectory() as libraries:
        before = one.statistics()
        metrics = running.metrics if settings["device"] == "cuda" else None
        command = perf_analyzer.command(model, url, load, sweep, data, metrics)
        point = perf_analyzer.measure(command, load, raw, Path(libraries), timeout, sweep.get("slo_ms"))
        after = one.statistics()
    executions = after["executions"] - before["executions"]
    inferences = after["inferences"] - before["inferences"]
    return {
        **point,
        "effective_batch": inferences / executions if executions else None,
        "command": " ".join([*map("=".join, install.ONE_CONNECTION.items()), "perf_analyzer", *command]),
    }


def samples(options: argparse.Namespace, settings: Mapping[str, Any], directory: Path) -> dict[str, Path]:
    """Files in `directory` with the samples of every shape, for perf_analyzer."""
    reference = load_reference(options.reference)
    result = {}
    for number, shape in enumerate(dict.fromkeys(load.shape for load in loads(settings))):
        count, described = settings["sweep"]["samples"], settings["inputs"]
        found = of_shape(reference, shape, count, described, options.model_file)
        result[shape] = directory / f"samples-{number}.json"
        result[shape].write_text(inputs.as_json(found.renamed(settings["model"])))
    return result


def sweep(options: argparse.Namespace, settings: Mapping[str, Any], raw: Path) -> list[dict[str, Any]]:
    """Measure all load levels; `raw` receives the files of perf_analyzer."""
    points = []
    with tempfile.TemporaryDirectory() as directory:
        data = samples(options, settings, Path(directory))
        names = server.models(options.repository)
        with server.running(options.repository, names, options.server_log, kind=settings["server"]) as running:
            for load in tqdm(loads(settings), desc=f"{settings['variant']} #{options.repeat}", unit="point"):
                point = measured(running, load, settings, data[load.shape], raw)
                log.debug("%s: %s", load.name, point)
                points.append({**vars(load), **point})
    return points


def not_measured(settings: Mapping[str, Any], health: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of an unhealthy variant."""
    reason = "not measured, unhealthy: " + "; ".join(health["reasons"])
    return [{**vars(load), "status": "failed", "reason": reason} for load in loads(settings)]


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    health = read_json(options.health)
    with whole_directory(options.raw) as raw:
        points = sweep(options, settings, raw) if health["healthy"] else not_measured(settings, health)
    measured_by = {"variant": settings["variant"], "repeat": options.repeat}
    write(options.points, [{**measured_by, **point} for point in points])
    for point in points:
        log.info(
            "%s #%d, %s: %s infer/s, %s",
            *(settings["variant"], options.repeat, Load(**{key: point[key] for key in LEVEL}).name),
            *(f"{point['throughput']:,.0f}" if "throughput" in point else "no", point["status"]),
        )


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result,
        '{"variant": …, "name": …, "counted": …, "model": inputs and outputs as served, '
        '"inputs": of the config, "sweep": {"loads": […], …}}',
    )
    result.add_argument("--repository", type=Path, required=True, help="model repository")
    result.add_argument("--health", type=Path, required=True, help="health.json of the variant")
    result.add_argument("--reference", type=Path, required=True, help="reference.npz")
    result.add_argument("--model-file", type=Path, help="model file, whose example may be asked for samples")
    result.add_argument("--repeat", type=int, required=True, help="number of this repeat, from 1")
    result.add_argument("--server-log", type=Path, required=True, help="output: Triton's log")
    result.add_argument("--raw", type=Path, required=True, help="output: directory of perf_analyzer's files")
    result.add_argument("--points", type=Path, required=True, help="output: points.csv")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
