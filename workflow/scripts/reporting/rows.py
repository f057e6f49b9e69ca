"""What can be told from rows of the summary, as dictionaries: None is a missing value, latencies are microseconds."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from measurement.points import CEILING, LATENCIES, POINT

Row = Mapping[str, Any]

PROTOCOLS = {"grpc": "gRPC", "http": "HTTP"}
# Requests that a percentile takes at 99 % confidence (MLPerf Inference rules); with fewer it is an indication.
SAMPLES_WANTED = {"latency_p90": 24_576, "latency_p95": 57_344, "latency_p99": 270_336}
_COMPUTE = ["server_compute_input", "server_compute_infer", "server_compute_output"]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table with None for what is missing."""
    found = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(column): value for column, value in row.items()} for row in found]


def headline(rows: Sequence[Row]) -> list[Row]:
    """The rows to compare first: the first protocol and batch size at their highest concurrency."""
    first = [row for row in rows if all(row[key] == rows[0][key] for key in ("protocol", "batch_size"))]
    highest = max(row["concurrency"] for row in first)
    return [row for row in first if row["concurrency"] == highest]


def models(rows: Sequence[Row]) -> list[Row]:
    """The rows of everything but the ceiling."""
    return [row for row in rows if row["variant"] != CEILING]


def labels(rows: Sequence[Row]) -> list[str]:
    """For each row the name of its line: the variant, and what else tells the lines of these rows apart."""
    shown = [key for key in ("protocol", "batch_size") if len({row[key] for row in rows}) > 1]
    words = {
        "protocol": lambda row: PROTOCOLS[row["protocol"]],
        "batch_size": lambda row: f"batch {row['batch_size']}",
    }
    return [", ".join([row["variant"], *(words[key](row) for key in shown)]) for row in rows]


def place(row: Row) -> str:
    """A load level in words."""
    batch = f", batch {row['batch_size']}" if row["batch_size"] != 1 else ""
    return f"at concurrency {row['concurrency']} over {PROTOCOLS[row['protocol']]}{batch}"


def point(row: Row) -> dict[str, Any]:
    """What names the point of a row."""
    return {key: row[key] for key in POINT}


def typical_latency(row: Row) -> float | None:
    """The median latency, or the average where perf_analyzer gave no percentiles."""
    found: float | None = row["latency_avg"] if row["latency_p50"] is None else row["latency_p50"]
    return found


def breakdown(row: Row) -> dict[str, float | None]:
    """Where the average latency goes: `queue` and `compute` in the server, and the `rest` outside of it.

    None where perf_analyzer gave no times of the server. Medians over repeats need not add up: `rest` is at least 0.
    """
    if row["latency_avg"] is None or row["server_queue"] is None:
        return {"queue": None, "compute": None, "rest": None}
    queue, compute = row["server_queue"], sum(row[key] for key in _COMPUTE)
    return {"queue": queue, "compute": compute, "rest": max(0.0, row["latency_avg"] - queue - compute)}


def spread(row: Row) -> float | None:
    """Largest minus smallest throughput of the repeats, over the median."""
    if not row["throughput"]:
        return None
    return float((row["throughput_max"] - row["throughput_min"]) / row["throughput"])


def indicative(row: Row) -> list[str]:
    """The percentiles of a row that rest on fewer requests than MLPerf asks for.

    A percentile is the median of those of the repeats, so it rests on the requests of one repeat.
    """
    requests = (row["requests"] or 0) / max(1, row["repeats"])
    return [name for name in LATENCIES if row[name] is not None and requests < SAMPLES_WANTED.get(name, 0)]
