"""Whether the candidate takes the place of the default configuration, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from analyse import pareto
from analyse.intervals import paired_ratio
from tuning import results

Rows = Sequence[Mapping[str, Any]]


def front(rows: Rows) -> list[Mapping[str, Any]]:
    """The measurements that no other one beats in both throughput and p99 latency, the lowest latency first."""
    return pareto.front(rows, lambda row: row["perf_throughput"], lambda row: row["perf_latency_p99"])


def proven(points: Rows, objectives: Sequence[str]) -> dict[str, Any] | None:
    """What the rounds of the proof say: medians of both, and the ratio of their values with its interval.

    None without rounds. A round in which either was not stable counts for neither; `ratio` is None with fewer than two
    left.
    """
    if not points:
        return None
    rounds: dict[int, dict[str, dict[str, float]]] = {}
    for point in points:
        if point["status"] == "stable":
            rounds.setdefault(point["repeat"], {})[point["variant"]] = results.of_point(point)
    pairs = [found for found in rounds.values() if len(found) == 2]
    values = {name: [results.value(pair[name], objectives) for pair in pairs] for name in ("tuned", "default")}
    ratio = paired_ratio(values["tuned"], values["default"]) if len(pairs) > 1 else None
    medians = {
        name: {metric: median(pair[name][metric] for pair in pairs) for metric in results.METRICS} if pairs else None
        for name in ("tuned", "default")
    }
    return {
        "rounds": len({point["repeat"] for point in points}),
        "stable_rounds": len(pairs),
        **medians,
        "ratio": asdict(ratio) if ratio else None,
    }


def decide(
    record: Mapping[str, Any], proof: Mapping[str, Any] | None, constraints: Mapping[str, Mapping[str, float]]
) -> tuple[str, str]:
    """`tuned` or `default`, and the reason in one sentence."""
    within = results.bounds(constraints)
    if record["winner"] is None:
        return "default", f"No configuration met {within}: the default stays."
    if proof is None:
        return "default", f"No configuration did better than the default within {within}: the default stays."
    ratio, tuned = proof["ratio"], proof["tuned"]
    if ratio is None:
        return "default", f"Only {proof['stable_rounds']} of {proof['rounds']} rounds were stable: the default stays."
    gain = f"{ratio['middle']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}] times the default"
    if not results.meets(tuned, constraints):
        return "default", f"Measured again, the configuration that won did not meet {within}: the default stays."
    if not results.meets(record["default"], constraints):
        return "tuned", f"The default did not meet {within} at any load, the tuned configuration did: {gain}."
    if ratio["low"] <= 1:
        return "default", f"Measured again in turn, a gain is not shown: {gain}. The default stays."
    return "tuned", f"Within {within} and measured again in turn, {gain}."
