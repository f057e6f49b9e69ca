"""What models reach without a server, over all repeats."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analyse import intervals


def summary(repeats: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per variant, shape and batch size: the median of the repeats, its bounds (None without repetition)."""
    groups = [group for _, group in repeats.groupby(["variant", "shape", "batch_size"], sort=False)]
    pooled = intervals.scatter(group["throughput"].tolist() for group in groups)
    rows = []
    for group in groups:
        bounds = intervals.of_median(group["throughput"].tolist(), pooled)
        rows.append(
            {
                "variant": group["variant"].iloc[0],
                "batch_size": int(group["batch_size"].iloc[0]),
                "throughput": float(group["throughput"].median()),
                "throughput_low": bounds.low if bounds else None,
                "throughput_high": bounds.high if bounds else None,
                "latency_p50": float(group["latency_p50"].median()),
                "threads": int(group["threads"].iloc[0]),
                "repeats": len(group),
                "shape": group["shape"].iloc[0],
            }
        )
    return rows


def limits(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """The largest throughput of each variant and shape, of all batch sizes."""
    result: dict[tuple[str, str], float] = {}
    for row in rows:
        name = row["variant"], row["shape"]
        result[name] = max(row["throughput"], result.get(name, 0.0))
    return result
