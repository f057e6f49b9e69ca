"""What a search measured, what of it meets the constraints, and which configuration is best.

The table has Model Analyzer's columns, whoever searched. Objectives and constraints have its names and units:
`perf_throughput` in inferences per second, `perf_latency_avg`, `_p90`, `_p95` and `_p99` in milliseconds.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from program.files import whole_file

Row = Mapping[str, Any]

DEFAULT = "_config_default"
# Model Analyzer measures once and has no such column.
ROUNDS = "Rounds"
METRICS = {
    "perf_throughput": "Throughput (infer/sec)",
    "perf_latency_avg": "Avg Latency (ms)",
    "perf_latency_p90": "p90 Latency (ms)",
    "perf_latency_p95": "p95 Latency (ms)",
    "perf_latency_p99": "p99 Latency (ms)",
}


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of results.csv: `config`, `batch_size`, `concurrency`, the metrics and of how many `rounds` they are."""
    with path.open(newline="") as stream:
        return [
            {
                "config": row["Model Config Path"],
                "batch_size": int(row["Batch"]),
                "concurrency": int(row["Concurrency"]),
                **{metric: float(row[column]) for metric, column in METRICS.items()},
                "rounds": int(row.get(ROUNDS, 1)),
            }
            for row in csv.DictReader(stream)
        ]


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as `read` gives them."""
    columns = {
        "config": "Model Config Path",
        "batch_size": "Batch",
        "concurrency": "Concurrency",
        **METRICS,
        "rounds": ROUNDS,
    }
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns.values())
        table.writerows([row[name] for name in columns] for row in rows)


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


def excess(row: Row, constraints: Mapping[str, Mapping[str, float]]) -> float:
    """By which factor a measurement misses the constraint that it misses most, 1 where it meets all."""
    factors: list[float] = [
        row[metric] / limit if side == "max" else limit / row[metric]
        for metric, sides in constraints.items()
        for side, limit in sides.items()
    ]
    return max([1.0, *factors])


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

    That is the best of the default configuration within the constraints, otherwise the default at the same load. Where
    measurements are of several rounds, those that took part to the end: a machine drifts from round to round.
    """
    last = max(row["rounds"] for row in rows)
    rows = [row for row in rows if row["rounds"] == last]
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
