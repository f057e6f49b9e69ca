"""One row per point: medians over the repeats, intervals, limits. The same for models without a server.

The load that was measured head to head has its throughput from those rounds, so that a page has one figure for it.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analyse import intervals
from plan.loads import CLOSED
from record.points import CEILING, CLOSED_LOOP, GPU, LATENCIES, LEVEL, OPEN_LOOP, POINT, SERVER, STATUSES

# Figures that have an interval.
_SURE = ["throughput", "latency_p50", "latency_p99"]
SUMMARY_COLUMNS = [
    *POINT[:4], "throughput", "throughput_min", "throughput_max", *LATENCIES, *SERVER, "requests", "effective_batch",
    "repeats", "status", "ceiling_fraction", "accuracy", "reason", *POINT[4:],
    *(f"{name}_{bound}" for name in _SURE for bound in ("low", "high")),
    "percentile_requests", "indicative", *OPEN_LOOP, "in_process_fraction", "bound", "bound_fraction", *GPU,
    "memory_mib", "foreign_cpu", "steal", "rounds", "disturbed",
]  # fmt: skip
_THROUGHPUT = [f"throughput{bound}" for bound in ("", "_min", "_max", "_low", "_high")]
# What the recording of a point says of the machine, and of the memory of the server.
_CONDITIONS = ["memory_mib", "foreign_cpu", "steal"]
# Requests that a percentile takes at 99 % confidence (MLPerf Inference rules); with fewer it is an indication.
SAMPLES_WANTED = {"latency_p90": 24_576, "latency_p95": 57_344, "latency_p99": 270_336}


def summarise(
    repeats: pd.DataFrame,
    accuracies: Mapping[str, float | None],
    in_process: Mapping[tuple[str, str], float] | None = None,
    rounds: pd.DataFrame | None = None,
    on_gpu: bool = False,
) -> pd.DataFrame:
    """One row per point, in the order of the input: medians over repeats, extremes of the throughput, worst status.

    The medians are those of the repeats with all figures. Unstable repeats, which may have throughput and average
    latency alone, count only where there is no other: throughput, latency and server times of a row belong together.
    `requests` is the sum over repeats; `ceiling_fraction` the throughput over that of the variant `null` at the same
    level; `bound` the samples per second that the ceiling and the model without a server allow together. `accuracies`:
    through the server by variant, None where it is not defined. `in_process`: samples per second of the model without a
    server, by variant and shape. `rounds`: the turns of head_to_head. `on_gpu`: whether the models compute beside the
    cores of the server: then the slower of the two is the bound, and not both in turn.
    """
    repeats = repeats.astype({"concurrency": "Int64", "request_rate": "Float64"})
    figures = [*CLOSED_LOOP, *OPEN_LOOP, *GPU, *_CONDITIONS]
    figures.remove("requests")
    groups = repeats.groupby(POINT, sort=False, dropna=False)
    complete = repeats["latency_p50"].notna()
    repeats = repeats.assign(counts=complete | ~groups["latency_p50"].transform("count").gt(0))
    counted = repeats[POINT].join(repeats[figures].where(repeats["counts"]).astype(float))
    summary = counted.groupby(POINT, sort=False, dropna=False).median()
    summary["throughput_min"] = groups["throughput"].min()
    summary["throughput_max"] = groups["throughput"].max()
    summary["requests"] = groups["requests"].sum(min_count=1).astype("Int64")
    summary["percentile_requests"] = (
        repeats[complete].groupby(POINT, sort=False, dropna=False)["requests"].min().astype("Int64")
    )
    summary["repeats"] = groups["throughput"].count()
    summary["status"] = groups["status"].agg(lambda found: min(found, key=STATUSES.index))
    summary["reason"] = [_reasons(found) for _, found in groups]
    for name in _SURE:
        summary[[f"{name}_low", f"{name}_high"]] = _bounds(counted, name)
    summary = _with_rounds(summary.reset_index(), rounds)
    summary["indicative"] = [_indicative(count) for count in summary["percentile_requests"]]
    ceiling, model = _ceilings(summary), _of_models(summary, in_process or {})
    summary["accuracy"] = summary["variant"].map({**accuracies, CEILING: None}).astype(float)
    summary["ceiling_fraction"] = summary["throughput"] / ceiling
    summary["in_process_fraction"] = summary["throughput"] / model
    # At a request rate the ceiling serves that rate, and bounds nothing.
    together = ceiling.clip(upper=model) if on_gpu else 1 / (1 / ceiling + 1 / model)
    summary["bound"] = together.where(summary["load_mode"] == CLOSED)
    summary["bound_fraction"] = summary["throughput"] / summary["bound"]
    return summary[SUMMARY_COLUMNS]


def summarise_in_process(repeats: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per variant, shape and batch size: the median of the repeats, its bounds (None without repetition)."""
    groups = [group for _, group in repeats.groupby(["variant", "shape", "batch_size"], sort=False)]
    pooled = intervals.deviations(group["throughput"].tolist() for group in groups)
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


def in_process_limits(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """The largest throughput of each variant and shape, over all batch sizes: what its model does without a server."""
    result: dict[tuple[str, str], float] = {}
    for row in rows:
        name = row["variant"], row["shape"]
        result[name] = max(row["throughput"], result.get(name, 0.0))
    return result


def _of_models(summary: pd.DataFrame, in_process: Mapping[tuple[str, str], float]) -> pd.Series:
    """For each row, what its model does without a server at the same shape; missing without one."""
    names = zip(summary["variant"], summary["shape"])
    return pd.Series([in_process.get(name) for name in names], summary.index, dtype=float)


def _bounds(counted: pd.DataFrame, figure: str) -> list[tuple[float | None, float | None]]:
    """Bounds of the median of one figure of each point; the scatter of all points is taken together."""
    points = [
        [value for value in found if value > 0] for _, found in counted.groupby(POINT, sort=False, dropna=False)[figure]
    ]
    pooled = intervals.deviations(points)
    found = [intervals.of_median(values, pooled) if values else None for values in points]
    return [(one.low, one.high) if one else (None, None) for one in found]


def _with_rounds(summary: pd.DataFrame, rounds: pd.DataFrame | None) -> pd.DataFrame:
    """The summary with the throughput of the rounds where there are any, and the latencies where it has none.

    Nine rounds of short windows tell more than whether one long measurement settled, so such a point is stable.
    """
    found = summary.astype(dict.fromkeys(_THROUGHPUT, float)).assign(rounds=0, disturbed=0)
    measured = found[:0] if rounds is None else rounds[rounds["throughput"] > 0]
    for variant, turns in measured.groupby("variant", sort=False):
        level = turns[LEVEL].iloc[0]
        same = [found["variant"] == variant, *(_equal(found[name], level[name]) for name in LEVEL)]
        here = pd.concat(same, axis="columns").all(axis="columns")
        values = turns["throughput"].astype(float)
        bounds = intervals.of_rounds(values.tolist())
        low, high = (bounds.low, bounds.high) if bounds else (math.nan, math.nan)
        found.loc[here, _THROUGHPUT] = [values.median(), values.min(), values.max(), low, high]
        found.loc[here, ["rounds", "disturbed"]] = [len(turns), int((turns["status"] == "disturbed").sum())]
        for name in ("latency_avg", "latency_p50", "latency_p99"):
            found.loc[here, name] = found.loc[here, name].fillna(turns[name].astype(float).median())
        settled = here & (found["status"] != "client_bound")
        found.loc[settled, ["status", "reason"]] = ["stable", ""]
    return found


def _equal(column: pd.Series, value: Any) -> pd.Series:
    return column.isna() if pd.isna(value) else (column == value).fillna(False)


def _indicative(requests: Any) -> str:
    """The percentiles that need more than this many requests by MLPerf's count, as words: `p95 p99`.

    A percentile is the median of those of the repeats, so it rests on the requests of one repeat.
    """
    if pd.isna(requests):
        return ""
    return " ".join(name.removeprefix("latency_") for name, wanted in SAMPLES_WANTED.items() if requests < wanted)


def _reasons(repeats: pd.DataFrame) -> str:
    """Why a point is not stable, and in which of its repeats."""
    found = repeats[repeats["reason"] != ""].groupby("reason", sort=False)["repeat"]
    return "; ".join(f"repeat {', '.join(map(str, numbers))}: {reason}" for reason, numbers in found)


def _ceilings(summary: pd.DataFrame) -> pd.Series:
    """For each row, the throughput of the ceiling at the same load level; missing without one."""
    ceiling = summary.loc[summary["variant"] == CEILING, [*LEVEL, "throughput"]]
    found = summary[LEVEL].merge(ceiling, how="left", on=LEVEL)["throughput"]
    return found.set_axis(summary.index)
