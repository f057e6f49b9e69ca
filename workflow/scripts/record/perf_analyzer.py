"""One perf_analyzer process per point, and what it says.

perf_analyzer leaves an unstable point out of its CSV and ends with exit code 2. Its windows still stand in the output,
so the point is kept, with its status.
"""

import csv
import math
import os
import re
import resource
import statistics
import subprocess
from pathlib import Path
from typing import Any

from plan.loads import Load, Windows
from program.cli import UserError, log
from program.process import child, ended
from record import gpu_metrics, open_loop
from serve import install

# perf_analyzer's columns and ours; latencies in microseconds.
COLUMNS = {
    "Inferences/Second": "throughput",
    "Avg latency": "latency_avg",
    "p50 latency": "latency_p50",
    "p90 latency": "latency_p90",
    "p95 latency": "latency_p95",
    "p99 latency": "latency_p99",
    "Server Queue": "server_queue",
    "Server Compute Input": "server_compute_input",
    "Server Compute Infer": "server_compute_infer",
    "Server Compute Output": "server_compute_output",
}
# Above this share of time outside requests, the load generator and not the server sets the pace.
CLIENT_BOUND_OVERHEAD_PERCENT = 50.0

_TIMEOUT_FACTOR = 5
# Calls in flight at a rate, about.
_CALLS = 100

_PASS = re.compile(r"Pass \[\d+\] throughput: (?P<throughput>[\d.]+) infer/sec\. Avg latency: (?P<latency>\d+) usec")
_REQUESTS = re.compile(r"Request count: (\d+)")
_OVERHEAD = re.compile(r"Avg client overhead: ([\d.]+)%")
_DELAYED = re.compile(r"not able to keep up with the desired request rate\. ([\d.]+)%")
# A rate beyond what is served piles up requests in perf_analyzer, each with its tensors: more than this ends it.
_MEMORY = 3 * 2**30


def command(
    model: str, url: str, load: Load, windows: Windows, data: Path, metrics_url: str | None = None
) -> list[str]:
    """The arguments of perf_analyzer for one point; its files are bare names in the working directory.

    `metrics_url`: where the figures of a GPU are asked for.
    """
    return [
        *("-m", model, "-u", url, "-i", load.protocol, "-b", str(load.batch_size)),
        *_pace(load),
        *_sequences(windows),
        *([] if load.shared_memory == "none" else ["--shared-memory", load.shared_memory]),
        *("--input-data", str(data.resolve())),
        *("--measurement-mode", "time_windows", "--measurement-interval", str(windows.window_ms)),
        *("--stability-percentage", str(windows.stability_percent), "--max-trials", str(windows.max_windows)),
        *(gpu_metrics.arguments(metrics_url) if metrics_url else []),
        *("-v", "--verbose-csv", "-f", f"{load.name}.csv"),
    ]


def _pace(load: Load) -> list[str]:
    """What sets the pace. At a rate, waiting for answers would hold back what is due: asynchronous calls do not."""
    if load.closed:
        return ["--concurrency-range", str(load.concurrency)]
    rate = ["--request-rate-range", f"{load.request_rate:g}", "--request-distribution", load.load_mode]
    return [*rate, "--async", "--profile-export-file", f"{load.name}.json"]


def _sequences(windows: Windows) -> list[str]:
    """perf_analyzer itself sees that a model takes sequences; it keeps as many going as requests."""
    if windows.sequence_length is None:
        return []
    return ["--sequence-length", str(windows.sequence_length), "--sequence-length-variation", "0"]


def sharing(load: Load, cores: int | None = None) -> dict[str, str]:
    """How many calls share a gRPC connection, as a variable of perf_analyzer: one connection for two cores.

    `cores`: how many there are, by default those that this process may use.
    Connections cost both sides time, so two cores are served best over one; over one alone, sixteen cores reach half.
    """
    calls = math.ceil((load.concurrency or _CALLS) / max(1, (cores or len(os.sched_getaffinity(0))) // 2))
    return {"TRITON_CLIENT_GRPC_CHANNEL_MAX_SHARE_COUNT": str(calls)}


def limit(windows: Windows) -> float:
    """Seconds after which a run hangs: its own limit is windows × length."""
    return 60 + _TIMEOUT_FACTOR * windows.max_windows * windows.window_ms / 1000


def measure(
    arguments: list[str], load: Load, directory: Path, libraries: Path, timeout: float, slo_ms: float | None = None
) -> dict[str, Any]:
    """Run perf_analyzer in `directory`, which keeps its raw files, and return the point.

    `libraries` is an empty directory for links. `timeout` is in seconds; beyond it the point is `failed`. `slo_ms`:
    the objective of requests that are sent at a rate, which need one.
    """
    binary, env = install.perf_analyzer(libraries)
    env |= sharing(load)
    output = directory / f"{load.name}.txt"
    # Otherwise its threads, which every answer wakes, take the core from the model that computes the next batch.
    with (
        output.open("wb") as stream,
        child([binary, *arguments], stream, env=env, cwd=directory, yielding=True) as process,
    ):
        if not load.closed:
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
        try:
            code: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
    text = output.read_text(errors="replace")
    csv_file, export = directory / f"{load.name}.csv", directory / f"{load.name}.json"
    point = interpret(code, text, read_csv(csv_file) if csv_file.exists() else [])
    if load.closed or slo_ms is None:
        return point
    if point["status"] == "failed":
        return {**point, "reason": f"{point['reason']} (is {load.request_rate:g} requests/s more than it can serve?)"}
    return {**point, **open_loop.digested(export, load, slo_ms)}


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of perf_analyzer's CSV."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def passes(text: str) -> list[tuple[float, float]]:
    """Throughput (infer/s) and average latency (µs) of every window in the output."""
    return [(float(one["throughput"]), float(one["latency"])) for one in _PASS.finditer(text)]


def interpret(code: int | None, text: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    """The point that one run shows: figures by our column names, `requests`, `status` and `reason`.

    `code` is the exit code, None after a time-out; `text` the output; `rows` those of the CSV.
    """
    windows = passes(text)
    unstable = "Failed to obtain stable" in text
    if code == 0 and len(rows) == 1 and not unstable:
        figures = {ours: float(rows[0][theirs]) for theirs, ours in COLUMNS.items()}
        return {
            **figures,
            **gpu_metrics.figures(rows[0]),
            "requests": sum(map(int, _REQUESTS.findall(text))),
            **_worth(text, len(windows)),
        }
    if unstable and windows:
        return {
            "throughput": statistics.median(throughput for throughput, _ in windows),
            "latency_avg": statistics.median(latency for _, latency in windows),
            "status": "unstable",
            "reason": f"not stable within {len(windows)} windows; its figures are their medians",
        }
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")
    if code is not None and last.startswith("No valid requests recorded"):
        return {"status": "failed", "reason": "no request was answered within a whole window: raise sweep.window_ms"}
    how = "was stopped: it took too long" if code is None else ended(code)
    return {"status": "failed", "reason": f"perf_analyzer {how}: {last}"}


def _worth(text: str, windows: int) -> dict[str, str]:
    """Status and reason of a point that has all its figures.

    At a request rate perf_analyzer keeps the row of a point that does not settle, and only says so.
    """
    if "not stabilizing" in text:
        return {"status": "unstable", "reason": f"not stable within {windows} windows"}
    delayed = _DELAYED.search(text)
    if delayed:
        return {"status": "client_bound", "reason": f"perf_analyzer sent {delayed[1]} % of the requests late"}
    overhead = max(map(float, _OVERHEAD.findall(text)), default=0.0)
    if overhead > CLIENT_BOUND_OVERHEAD_PERCENT:
        reason = f"perf_analyzer spent {overhead:.0f} % of its time outside requests"
        return {"status": "client_bound", "reason": reason}
    return {"status": "stable", "reason": ""}


def version(libraries: Path) -> str:
    """What perf_analyzer calls itself. Raises UserError when it does not start."""
    binary, env = install.perf_analyzer(libraries)
    found = subprocess.run(
        [binary, "--version"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    said = found.stdout.strip()
    if found.returncode != 0 or not said:
        raise UserError(f"{binary} does not start: {said}")
    log.debug("%s", said)
    return said
