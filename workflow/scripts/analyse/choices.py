"""What to serve for what purpose: the answers that people come to the report for."""

from collections.abc import Mapping, Sequence
from typing import Any

from analyse.contents import Health
from analyse.rows import Row, closed, layers, models, point
from serve.variants import OF_ONE_MODEL

_FIGURES = ["throughput", "latency_p50", "latency_p99", "memory_mib"]


def choices(rows: Sequence[Row], health: Mapping[str, Health], config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each goal the point that meets it best, with its figures, its cost and what to type next.

    Of the stable points of healthy variants, over the first protocol, shape and batch size. A goal that no point
    meets has none: `variant` is None.
    """
    first = layers(closed(rows))[0].rows if closed(rows) else ()
    usable = [row for row in models(first) if row["status"] == "stable" and health[row["variant"]]["healthy"]]
    slo, cost = config["sweep"]["slo_ms"], config["report"]["cost_per_hour"]
    alone = min((row["concurrency"] for row in usable), default=1)
    in_time = [row for row in usable if row["latency_p99"] is not None and row["latency_p99"] <= 1000 * slo]
    quick = [row for row in usable if row["concurrency"] == alone and row["latency_p50"] is not None]
    found = {
        "most throughput": max(usable, key=lambda row: row["throughput"], default=None),
        f"most throughput with p99 ≤ {slo:g} ms": max(in_time, key=lambda row: row["throughput"], default=None),
        f"lowest latency, {alone} in flight": min(quick, key=lambda row: row["latency_p50"], default=None),
    }
    deployed = config["deploy"]["variant"]
    return [{"goal": goal, **_choice(row, cost, deployed)} for goal, row in found.items()]


def cost_per_million(throughput: float | None, cost_per_hour: float | None) -> float | None:
    """What a million answers cost on a machine that is busy all the time; None where a figure is missing."""
    return None if not throughput or cost_per_hour is None else cost_per_hour / 3600 / throughput * 1e6


def _choice(row: Row | None, cost_per_hour: float | None, deployed: str) -> dict[str, Any]:
    if row is None:
        return {"variant": None}
    name = row["variant"]
    how = "make deploy" if name == deployed else f"make deploy, with deploy.variant: {name}"
    deploy = [how] if name in OF_ONE_MODEL else []
    return {
        **point(row),
        **{figure: row[figure] for figure in _FIGURES},
        "cost_per_million": cost_per_million(row["throughput"], cost_per_hour),
        "next": [f"make serve VARIANT={name}", *deploy],
    }
