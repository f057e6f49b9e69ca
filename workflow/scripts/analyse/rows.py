"""What can be told from rows of the summary, as dictionaries: None is a missing value, latencies are microseconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plan.loads import CLOSED, file_name
from record.points import CEILING, POINT

Row = Mapping[str, Any]

PROTOCOLS = {"grpc": "gRPC", "http": "HTTP"}
# What a line of points has in common besides the variant.
_LINE = ["protocol", "batch_size", "shared_memory", "shape"]
_MEMORY = {"none": "", "system": "system shared memory"}
INTERVALS = {"constant": "constant intervals", "poisson": "Poisson"}
_COMPUTE = ["server_compute_input", "server_compute_infer", "server_compute_output"]


def closed(rows: Sequence[Row]) -> list[Row]:
    """The rows at a constant concurrency; those at a request rate have none."""
    return [row for row in rows if row["load_mode"] == CLOSED]


def headline(rows: Sequence[Row]) -> list[Row]:
    """The rows to compare first: first protocol, shape, batch size and kind of memory, highest concurrency."""
    first = [row for row in closed(rows) if all(row[key] == rows[0][key] for key in _LINE)]
    highest = max(row["concurrency"] for row in first)
    return [row for row in first if row["concurrency"] == highest]


def models(rows: Sequence[Row]) -> list[Row]:
    """The rows of everything but the ceiling."""
    return [row for row in rows if row["variant"] != CEILING]


@dataclass(frozen=True)
class Layer:
    """The rows that one plot shows together: all variants, one way of asking them. `key` names it in the page."""

    key: str
    label: str
    rows: tuple[Row, ...]


def layers(rows: Sequence[Row]) -> list[Layer]:
    """The layers of rows, in order of appearance."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in _LINE), []).append(row)
    return [Layer(_key(line), _way(dict(zip(_LINE, line))), tuple(members)) for line, members in found.items()]


def _key(line: Sequence[Any]) -> str:
    """A name in the page for what a layer's rows have in common; a shape's signs would not do there."""
    return "-".join(file_name(str(part)) for part in line if part != "")


def variants(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each variant, from the lowest load to the highest."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["concurrency"] or row["request_rate"]):
        found.setdefault(row["variant"], []).append(row)
    return {name: found[name] for name in dict.fromkeys(row["variant"] for row in rows)}


def place(row: Row) -> str:
    """A load level in words of a sentence."""
    return f"at {_level(row)} over {_way(row)}"


def load(row: Row) -> str:
    """A load level in few words."""
    return f"{_way(row)}, {_level(row)}"


def _level(row: Row) -> str:
    if row["load_mode"] == CLOSED:
        return f"concurrency {row['concurrency']}"
    return f"{row['request_rate']:g} requests/s ({INTERVALS[row['load_mode']]})"


def _way(line: Mapping[str, Any]) -> str:
    """How a server is asked; batches of one sample go without saying."""
    batch = f"batch {line['batch_size']}" if line["batch_size"] != 1 else ""
    parts = (PROTOCOLS[line["protocol"]], batch, _MEMORY[line["shared_memory"]], line["shape"])
    return ", ".join(part for part in parts if part)


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


def bounds(row: Row) -> tuple[float, float]:
    """What the throughput of a row lies between at 95 % confidence; its extremes when nothing was repeated."""
    if row["throughput_low"] is None:
        return row["throughput_min"], row["throughput_max"]
    return row["throughput_low"], row["throughput_high"]


def indicative(row: Row) -> list[str]:
    """The percentiles of a row that rest on too few requests, as names of columns."""
    return [f"latency_{name}" for name in row["indicative"].split()]
