"""Where the processor's time goes: microseconds of CPU per request, by process, at every concurrency.

Counted by the kernel over whole runs of perf_analyzer, start and end of it included: time that a process waits is not
among it, so that a busy machine blurs these figures less than it blurs latencies. `cores` is how many were busy. What
all cores together have for a request is the ceiling of any server: `bound` requests per second, were none ever idle.
"""

import argparse
import os
import resource
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from interleaved import PROJECT, Contestant, samples, variant
from tqdm import tqdm

from plan.configured import add_overlays, configured
from plan.loads import Load, Windows
from program import cli
from program.cli import UserError
from program.files import write_json
from record import inputs, perf_analyzer
from serve import server
from serve.endpoint import connected
from serve.variants import in_precisions

# Four windows, whatever they show: what is counted needs no stability.
WINDOWS = Windows(window_ms=1000, stability_percent=1e-6, max_windows=4, samples=64)
PARTS = {"tritonserver": "server", "triton_python_backend_stub": "model"}


def spent(running: server.Server) -> dict[str, float]:
    """Seconds of CPU so far: server, the model's Python processes, and all that this process has waited for."""
    leader = psutil.Process(running.process.pid)
    found = dict.fromkeys(PARTS.values(), 0.0)
    for process in [leader, *leader.children(recursive=True)]:
        times = process.cpu_times()
        found[PARTS.get(process.name(), "model")] += times.user + times.system
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found | {"load": usage.ru_utime + usage.ru_stime}


def profile(contestant: Contestant, concurrencies: list[int]) -> list[dict[str, Any]]:
    """One row per concurrency of one server."""
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        raw = Path(directory)
        names = server.models(contestant.repository)
        with (
            server.running(contestant.repository, names, raw / "server.log", kind=contestant.kind) as running,
            connected(running, "grpc", contestant.model) as one,
        ):
            (raw / "samples.json").write_text(inputs.as_json(samples(contestant, running)))
            for concurrency in concurrencies:
                level = Load("grpc", 1, concurrency)
                command = perf_analyzer.command(contestant.model, running.grpc, level, WINDOWS, raw / "samples.json")
                before, counts = spent(running), one.statistics()
                with tempfile.TemporaryDirectory() as libraries:
                    point = perf_analyzer.measure(command, level, raw, Path(libraries), timeout=120)
                if point["status"] == "failed":
                    raise UserError(f"{contestant.model} at concurrency {concurrency}: {point['reason']}")
                after, found = spent(running), one.statistics()
                done = {key: found[key] - counts[key] for key in found}
                seconds = {part: after[part] - before[part] for part in after}
                rows.append({"concurrency": concurrency, **row(seconds, done, point["throughput"])})
    return rows


def row(seconds: Mapping[str, float], done: Mapping[str, int], throughput: float) -> dict[str, Any]:
    """The figures of one point: `seconds` of CPU by part for what the server has `done`, and inferences per second."""
    parts = {part: seconds[part] / done["inferences"] * 1e6 for part in ("load", "server", "model")}
    whole = sum(parts.values())
    return {
        **{f"{part} µs": round(value) for part, value in parts.items()},
        "all µs": round(whole),
        "batch": round(done["inferences"] / done["executions"], 1),
        "infer/s": round(throughput),
        "cores": round(whole * throughput / 1e6, 2),
        "bound": round(len(os.sched_getaffinity(0)) * 1e6 / whole),
    }


def main(options: argparse.Namespace) -> None:
    config = configured(options.configfile)
    raw = {"bls": "reference_raw.npz", "ensemble": "reference_raw.npz"}
    rows = []
    for name in tqdm(options.variants or in_precisions(config["variants"], config["precisions"]), unit="server"):
        contestant = variant(config, name, raw.get(name, "reference.npz"))
        rows += [{"variant": name, **row} for row in profile(contestant, options.concurrency)]
    table = pd.DataFrame(rows).sort_values("concurrency", kind="stable")
    print("CPU time per request over gRPC, batch 1: load generator, Triton, the model's Python process")
    print(table.to_string(index=False))
    write_json(options.output, {"rows": rows})


def parser() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    add_overlays(result)
    result.add_argument("--concurrency", type=int, nargs="+", default=[1, 16, 65], help="default: %(default)s")
    result.add_argument("--variants", nargs="+", help="default: those of the configuration")
    output = PROJECT / "artifacts" / "benchmarks" / "cpu_time.json"
    result.add_argument("--output", type=Path, default=output, help="default: %(default)s")
    return result


if __name__ == "__main__":
    cli.run(main, parser())
