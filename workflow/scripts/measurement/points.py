"""The tidy tables: one row per point and repeat, and the summary over repeats.

Latencies are in microseconds, throughput in inferences (samples) per second.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from program.files import whole_file

POINT = ["variant", "protocol", "batch_size", "concurrency"]
LATENCIES = [f"latency_{name}" for name in ("avg", "p50", "p90", "p95", "p99")]
SERVER = [f"server_{name}" for name in ("queue", "compute_input", "compute_infer", "compute_output")]
REPEAT_COLUMNS = [
    *POINT, "repeat", "throughput", *LATENCIES, *SERVER, "requests", "effective_batch", "status", "reason", "command",
]  # fmt: skip
SUMMARY_COLUMNS = [
    *POINT, "throughput", "throughput_min", "throughput_max", *LATENCIES, *SERVER, "requests", "effective_batch",
    "repeats", "status", "ceiling_fraction", "accuracy", "reason",
]  # fmt: skip
CEILING = "null"
# Worst first: the status of a point is that of its worst repeat.
STATUSES = ["failed", "unstable", "client_bound", "stable"]


def write_points(path: Path, variant: str, repeat: int, points: Iterable[Mapping[str, Any]]) -> None:
    """Write the points of one repeat as CSV."""
    write(path, pd.DataFrame([{"variant": variant, "repeat": repeat, **point} for point in points]), REPEAT_COLUMNS)


def write(path: Path, table: pd.DataFrame, columns: list[str]) -> None:
    """Write `columns` of a table as CSV; a column that the table lacks is empty."""
    with whole_file(path) as temporary:
        table.reindex(columns=columns).to_csv(temporary, index=False, lineterminator="\n")


def read(path: Path) -> pd.DataFrame:
    """Read a table. The variant `null` stays a word; only empty cells are missing values."""
    return pd.read_csv(path, keep_default_na=False, na_values={column: [""] for column in _NUMERIC})


_NUMERIC = [
    column
    for column in {*REPEAT_COLUMNS, *SUMMARY_COLUMNS}
    if column not in ("variant", "protocol", "status", "reason", "command")
]


def summarise(repeats: pd.DataFrame, accuracies: Mapping[str, float | None]) -> pd.DataFrame:
    """One row per point, in the order of the input: medians over repeats, extremes of the throughput, worst status.

    The medians are those of the repeats with all figures. Unstable repeats, which have throughput and average latency
    alone, count only where there is no other: throughput, latency and server times of a row belong together.
    `requests` is the sum over repeats; `ceiling_fraction` the throughput over that of the variant `null` at the same
    point. `accuracies`: by variant, through the server.
    """
    figures = ["throughput", *LATENCIES, *SERVER, "effective_batch"]
    groups = repeats.groupby(POINT, sort=False)
    complete = repeats["latency_p50"].notna()
    counts = complete | ~complete.groupby([repeats[key] for key in POINT]).transform("any")
    summary = repeats[POINT].join(repeats[figures].where(counts)).groupby(POINT, sort=False).median()
    summary["throughput_min"] = groups["throughput"].min()
    summary["throughput_max"] = groups["throughput"].max()
    summary["requests"] = groups["requests"].sum(min_count=1).astype("Int64")
    summary["repeats"] = groups["throughput"].count()
    summary["status"] = groups["status"].agg(lambda found: min(found, key=STATUSES.index))
    summary["reason"] = [_reasons(repeats) for _, repeats in groups]
    summary = summary.reset_index()
    summary["ceiling_fraction"] = summary["throughput"] / ceilings(summary)
    summary["accuracy"] = summary["variant"].map(accuracies)
    return summary[SUMMARY_COLUMNS]


def _reasons(repeats: pd.DataFrame) -> str:
    """Why a point is not stable, and in which of its repeats."""
    found = repeats[repeats["reason"] != ""].groupby("reason", sort=False)["repeat"]
    return "; ".join(f"repeat {', '.join(map(str, numbers))}: {reason}" for reason, numbers in found)


def ceilings(summary: pd.DataFrame) -> pd.Series:
    """For each row, the throughput of the ceiling at the same protocol, batch size and concurrency; else missing."""
    level = POINT[1:]
    ceiling = summary[summary["variant"] == CEILING].set_index(level)["throughput"]
    rows = pd.MultiIndex.from_frame(summary[level])
    return pd.Series(ceiling.reindex(rows).to_numpy(), index=summary.index)
