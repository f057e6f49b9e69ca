"""What Triton says of its GPUs while a point is measured, through perf_analyzer's --collect-metrics.

perf_analyzer ends when the metrics endpoint is dead, so it is asked for with models on a GPU alone.
"""

from collections.abc import Mapping

# perf_analyzer's columns and ours: share of the time in which kernels ran (average), watts (average), bytes (maximum).
COLUMNS = {
    "Avg GPU Utilization": "gpu_utilization",
    "Avg GPU Power Usage": "gpu_power",
    "Max GPU Memory Usage": "gpu_memory",
}
# Several readings in the shortest window that the configuration admits; in milliseconds.
_INTERVAL_MS = 100


def arguments(url: str) -> list[str]:
    """The arguments of perf_analyzer; `url` is that of Triton's metrics, without a scheme."""
    return ["--collect-metrics", "--metrics-url", url, "--metrics-interval", str(_INTERVAL_MS)]


def figures(row: Mapping[str, str]) -> dict[str, float]:
    """Ours of a row of perf_analyzer's CSV, empty when it has none: those of the GPU that was used most."""
    found = {ours: _by_gpu(row.get(theirs, "")) for theirs, ours in COLUMNS.items()}
    utilization = found["gpu_utilization"]
    if not utilization:
        return {}
    busiest = max(utilization, key=lambda gpu: utilization[gpu])
    return {ours: by_gpu[busiest] for ours, by_gpu in found.items() if busiest in by_gpu}


def _by_gpu(cell: str) -> dict[str, float]:
    """A cell `GPU-1:0.4;GPU-2:0;` as figures by GPU."""
    pairs = [part.rpartition(":") for part in cell.split(";") if part]
    return {gpu: float(value) for gpu, _, value in pairs}
