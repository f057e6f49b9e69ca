"""What Model Analyzer measured, what of it meets the constraints, and which configuration is best.

Objectives and constraints have Model Analyzer's names and units: `perf_throughput` in inferences per second,
`perf_latency_avg`, `_p90`, `_p95` and `_p99` in milliseconds.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

DEFAULT = "_config_default"
METRICS = {
    "perf_throughput": "Throughput (infer/sec)",
    "perf_latency_avg": "Avg Latency (ms)",
    "perf_latency_p90": "p90 Latency (ms)",
    "perf_latency_p95": "p95 Latency (ms)",
    "perf_latency_p99": "p99 Latency (ms)",
}


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of results.csv: `config`, `batch_size`, `concurrency` and the metrics."""
    with path.open(newline="") as stream:
        return [
            {
                "config": row["Model Config Path"],
                "batch_size": int(row["Batch"]),
                "concurrency": int(row["Concurrency"]),
                **{metric: float(row[column]) for metric, column in METRICS.items()},
            }
            for row in csv.DictReader(stream)
        ]


def of_point(point: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a point of record.perf_analyzer, whose latencies are microseconds."""
    latencies = {name: point[name.removeprefix("perf_")] / 1000 for name in METRICS if "latency" in name}
    return {"perf_throughput": point["throughput"], **latencies}


def meets(row: Row, constraints: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether a measurement meets all constraints, each with `min` or `max`."""
    return all(
        bounds.get("min", -math.inf) <= row[metric] <= bounds.get("max", math.inf)
        for metric, bounds in constraints.items()
    )


def value(row: Row, objectives: Sequence[str]) -> float:
    """How good a measurement is: the geometric mean of its objectives, latencies inverted."""
    logs = [math.log(row[metric]) * (1 if metric == "perf_throughput" else -1) for metric in objectives]
    return math.exp(sum(logs) / len(logs))


def best(rows: Sequence[Row], objectives: Sequence[str]) -> Row | None:
    """The best of some measurements, if there are any."""
    return max(rows, key=lambda row: value(row, objectives), default=None)


def contest(
    rows: Sequence[Row], objectives: Sequence[str], constraints: Mapping[str, Mapping[str, float]]
) -> tuple[Row | None, Row]:
    """The best measurement within the constraints, None without one, and what it has to beat.

    That is the best of the default configuration within the constraints, otherwise the default at the same load.
    """
    good = [row for row in rows if meets(row, constraints)]
    winner = best(good, objectives)
    own = [row for row in rows if row["config"].endswith(DEFAULT)]
    rival = best([row for row in good if row in own], objectives)
    if rival is None:
        level = winner["concurrency"] if winner else max(row["concurrency"] for row in own)
        rival = min(own, key=lambda row: abs(row["concurrency"] - level))
    return winner, rival


def bounds(constraints: Mapping[str, Mapping[str, float]]) -> str:
    """Constraints in words."""
    signs = {"min": "≥", "max": "≤"}
    parts = [
        f"{metric} {signs[side]} {limit:g}{'' if metric == 'perf_throughput' else ' ms'}"
        for metric, sides in constraints.items()
        for side, limit in sides.items()
    ]
    return " and ".join(parts) or "no constraint"
