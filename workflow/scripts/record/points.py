"""Points as they were measured: one row per load level and repeat, written as CSV.

Latencies are in microseconds, throughput in inferences (samples) per second. docs/report.md explains every column.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from program.files import whole_file
from record import gpu_metrics

# What names a load level, and with the variant a point.
LEVEL = ["protocol", "batch_size", "concurrency", "load_mode", "request_rate", "shared_memory", "shape"]
POINT = ["variant", *LEVEL]
PERCENTILES = ["latency_p50", "latency_p90", "latency_p95", "latency_p99"]
LATENCIES = ["latency_avg", *PERCENTILES]
SERVER = [f"server_{name}" for name in ("queue", "compute_input", "compute_infer", "compute_output")]
CLOSED_LOOP = ["throughput", *LATENCIES, *SERVER, "requests", "effective_batch"]
OPEN_LOOP = ["slo_met", "send_delay_p99"]
GPU = list(gpu_metrics.COLUMNS.values())
# Where and when a point was measured, by which job, and what else the machine did.
MEASURED = ["started", "job", "host", "foreign_cpu", "steal"]
REPEAT_COLUMNS = [
    *POINT, "repeat", *CLOSED_LOOP, *OPEN_LOOP, *GPU, *MEASURED, "frequency", "memory_mib",
    "status", "reason", "command",
]  # fmt: skip
# Of all variants in turns. seconds: the length of what was measured.
HEAD_TO_HEAD_COLUMNS = [
    "variant", "round", "turn", "started", "seconds", *LEVEL, "throughput", "latency_avg", "latency_p50", "latency_p99",
    "foreign_cpu", "steal", "attempts", "status", "reason", "job", "host",
]  # fmt: skip
# Of the models that are called without a server.
IN_PROCESS_COLUMNS = ["variant", "batch_size", "repeat", "throughput", "latency_p50", "calls", "threads", "shape"]
CEILING = "null"
# Worst first.
STATUSES = ["failed", "unstable", "client_bound", "stable"]


def write(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = REPEAT_COLUMNS) -> None:
    """Write `columns` of some rows as CSV; None, NaN and what a row lacks become empty cells."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns)
        table.writerows([_cell(row.get(column)) for column in columns] for row in rows)


def _cell(value: Any) -> Any:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value
