"""One perf_analyzer process per point, and what it says.

perf_analyzer leaves an unstable point out of its CSV and ends with exit code 2. Its windows still stand in the output,
so the point is kept, with its status.
"""

import csv
import re
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from program.cli import UserError, log
from program.process import child
from serving import install

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

_PASS = re.compile(r"Pass \[\d+\] throughput: (?P<throughput>[\d.]+) infer/sec\. Avg latency: (?P<latency>\d+) usec")
_REQUESTS = re.compile(r"Request count: (\d+)")
_OVERHEAD = re.compile(r"Avg client overhead: ([\d.]+)%")


@dataclass(frozen=True)
class Load:
    """One load level."""

    protocol: str
    batch_size: int
    concurrency: int

    @property
    def name(self) -> str:
        """A name for files."""
        return f"{self.protocol}_batch{self.batch_size}_concurrency{self.concurrency}"


def command(model: str, url: str, load: Load, windows: Mapping[str, Any], data: Path) -> list[str]:
    """The arguments of perf_analyzer for one point; the CSV is a bare name in the working directory.

    `windows`: `window_ms`, `stability_percent` and `max_windows` of the config.
    """
    return [
        *("-m", model, "-u", url, "-i", load.protocol, "-b", str(load.batch_size)),
        *("--concurrency-range", str(load.concurrency)),
        *("--input-data", str(data.resolve())),
        *("--measurement-mode", "time_windows", "--measurement-interval", str(windows["window_ms"])),
        *("--stability-percentage", str(windows["stability_percent"]), "--max-trials", str(windows["max_windows"])),
        *("-v", "--verbose-csv", "-f", f"{load.name}.csv"),
    ]


def measure(arguments: list[str], load: Load, directory: Path, libraries: Path, timeout: float) -> dict[str, Any]:
    """Run perf_analyzer in `directory`, which keeps its raw files, and return the point.

    `libraries` is an empty directory for links. `timeout` is in seconds; beyond it the point is `failed`.
    """
    binary, env = install.perf_analyzer(libraries)
    output = directory / f"{load.name}.txt"
    with output.open("wb") as stream, child([binary, *arguments], stream, env=env, cwd=directory) as process:
        try:
            code: int | None = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
    text = output.read_text(errors="replace")
    csv_file = directory / f"{load.name}.csv"
    rows = read_csv(csv_file) if csv_file.exists() else []
    return interpret(code, text, rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of perf_analyzer's CSV."""
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def interpret(code: int | None, text: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    """The point that one run shows: figures by our column names, `requests`, `status` and `reason`.

    `code` is the exit code, None after a time-out; `text` the output; `rows` those of the CSV.
    """
    requests = sum(map(int, _REQUESTS.findall(text)))
    unstable = "Failed to obtain stable" in text
    if code == 0 and len(rows) == 1 and not unstable:
        figures: dict[str, Any] = {ours: float(rows[0][theirs]) for theirs, ours in COLUMNS.items()}
        overhead = max(map(float, _OVERHEAD.findall(text)), default=0.0)
        if "not able to keep up" in text or overhead > CLIENT_BOUND_OVERHEAD_PERCENT:
            status, reason = "client_bound", f"perf_analyzer spent {overhead:.0f} % of its time outside requests"
        else:
            status, reason = "stable", ""
        return {**figures, "requests": requests, "status": status, "reason": reason}
    windows = [match.groupdict() for match in _PASS.finditer(text)]
    if unstable and windows:
        return {
            "throughput": statistics.median(float(one["throughput"]) for one in windows),
            "latency_avg": statistics.median(float(one["latency"]) for one in windows),
            "status": "unstable",
            "reason": f"not stable within {len(windows)} windows; its figures are their medians",
        }
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")
    ended = "was stopped: it took too long" if code is None else f"ended with exit code {code}"
    return {"status": "failed", "reason": f"perf_analyzer {ended}: {last}"}


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
