"""Constraints of a search, as Model Analyzer writes them."""

from collections.abc import Sequence


def parsed(constraints: Sequence[str]) -> dict[str, dict[str, int]]:
    """Constraints of the config as Model Analyzer writes them.

    >>> parsed(["perf_latency_p99 <= 20", "perf_throughput >= 500"])
    {'perf_latency_p99': {'max': 20}, 'perf_throughput': {'min': 500}}
    """
    result: dict[str, dict[str, int]] = {}
    for metric, sign, bound in map(str.split, constraints):
        result.setdefault(metric, {})[{"<=": "max", ">=": "min"}[sign]] = int(bound)
    return result
