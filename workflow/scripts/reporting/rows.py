"""What can be told from rows of the summary, as dictionaries: None is a missing value, latencies are microseconds."""

from collections.abc import Mapping, Sequence
from typing import Any

from measurement.loads import CLOSED
from measurement.points import CEILING, POINT

Row = Mapping[str, Any]

PROTOCOLS = {"grpc": "gRPC", "http": "HTTP"}
# What a line of points has in common besides the variant.
_LINE = ["protocol", "batch_size", "shared_memory"]
_MEMORY = {"none": "", "system": "system shared memory"}
_INTERVALS = {"constant": "constant intervals", "poisson": "Poisson"}
_COMPUTE = ["server_compute_input", "server_compute_infer", "server_compute_output"]


def closed(rows: Sequence[Row]) -> list[Row]:
    """The rows at a constant concurrency; those at a request rate have none."""
    return [row for row in rows if row["load_mode"] == CLOSED]


def headline(rows: Sequence[Row]) -> list[Row]:
    """The rows to compare first: the first protocol, batch size and way of the tensors at the highest concurrency."""
    first = [row for row in closed(rows) if all(row[key] == rows[0][key] for key in _LINE)]
    highest = max(row["concurrency"] for row in first)
    return [row for row in first if row["concurrency"] == highest]


def models(rows: Sequence[Row]) -> list[Row]:
    """The rows of everything but the ceiling."""
    return [row for row in rows if row["variant"] != CEILING]


def labels(rows: Sequence[Row]) -> list[str]:
    """For each row the name of its line: the variant, and what else tells the lines of these rows apart."""
    shown = [key for key in _LINE if len({row[key] for row in rows}) > 1]
    words = {
        "protocol": lambda row: PROTOCOLS[row["protocol"]],
        "batch_size": lambda row: f"batch {row['batch_size']}",
        "shared_memory": lambda row: _MEMORY[row["shared_memory"]] or "tensors in the request",
    }
    return [", ".join([row["variant"], *(words[key](row) for key in shown)]) for row in rows]


def place(row: Row) -> str:
    """A load level in words."""
    level = f"concurrency {row['concurrency']}"
    if row["load_mode"] != CLOSED:
        level = f"{row['request_rate']:g} requests/s ({_INTERVALS[row['load_mode']]})"
    batch = f"batch {row['batch_size']}" if row["batch_size"] != 1 else ""
    others = [part for part in (batch, _MEMORY[row["shared_memory"]]) if part]
    return ", ".join([f"at {level} over {PROTOCOLS[row['protocol']]}", *others])


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
    """The percentiles of a row that rest on too few requests, as names of columns."""
    return [f"latency_{name}" for name in row["indicative"].split()]
