"""Requests sent at a rate: when each was due, when it was sent, and when it was answered.

perf_analyzer takes the latency of a request from the moment at which it was sent. A request that its own threads sent
late would look as fast as one sent in time, although its user had been waiting (coordinated omission). So latencies
are counted here from the moment at which a request was due, from the times of all requests in perf_analyzer's profile
export (`--profile-export-file`) and the schedule that it follows.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from plan.loads import Load
from program.files import read_json, whole_file
from record.points import PERCENTILES

# perf_analyzer's own figures cover this many windows, the last ones.
_WINDOWS = 3
# What std::mt19937 starts from when nothing is said: perf_analyzer's Poisson arrivals are the same in every run.
_SEED = 5489


def schedule(load: Load, count: int) -> np.ndarray:
    """When each of the first requests is due [count], in nanoseconds from the start of the load.

    As in perf_analyzer 2.51 (request_rate_manager.cc): one request per interval, the first after one interval. It
    draws Poisson intervals from std::exponential_distribution, two words of the generator for each.
    """
    if load.load_mode == "constant":
        return np.arange(1, count + 1) * load.interval
    words = np.random.RandomState(_SEED).randint(0, 2**32, 2 * count, np.uint32).astype(float)
    uniform = (words[0::2] + words[1::2] * 2.0**32) / 2.0**64
    return np.cumsum(-np.log1p(-uniform) * load.interval)


def figures(export: Mapping[str, Any], load: Load, slo_ms: float) -> dict[str, float]:
    """Latencies in microseconds, the share that met the objective, and the delay in sending, of one profile export.

    Latencies are those of the answered requests that were due in the last windows. Of those due at least `slo_ms`
    before the end of the last window, `slo_met` is the share that was answered within `slo_ms` of being due: one that
    never was has missed it. `send_delay_p99`: how late requests were sent, in microseconds.
    """
    sent, answered, windows = times(export)
    span = windows[-1] - windows[0]
    due = schedule(load, len(sent) + int(2 * span / load.interval) + 100)
    # The schedule's start is not exported; no request is sent before it is due, and one of many is sent in time.
    due = due + (sent - due[: len(sent)]).min()
    first = windows[-1 - min(_WINDOWS, len(windows) - 1)]
    covered = due[: len(sent)] >= first
    latency, delay = answered - due[: len(sent)], sent - due[: len(sent)]
    slo = slo_ms * 1e6
    judged = np.count_nonzero((due >= first) & (due <= windows[-1] - slo))
    met = np.count_nonzero(covered & (due[: len(sent)] <= windows[-1] - slo) & (latency <= slo))
    quantiles = np.quantile(latency[covered], [int(name.removeprefix("latency_p")) / 100 for name in PERCENTILES])
    return {
        "latency_avg": float(latency[covered].mean() / 1e3),
        **{name: float(value / 1e3) for name, value in zip(PERCENTILES, quantiles)},
        "slo_met": met / judged if judged else float("nan"),
        "send_delay_p99": float(np.quantile(delay[covered], 0.99) / 1e3),
    }


def times(export: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When requests were sent [n] and answered [n], in the order of sending, and the windows' bounds [m]; in ns."""
    (experiment,) = export["experiments"]
    sent = np.array([request["timestamp"] for request in experiment["requests"]])
    answered = np.array([request["response_timestamps"][-1] for request in experiment["requests"]])
    order = np.argsort(sent)
    return sent[order], answered[order], np.array(experiment["window_boundaries"])


def digested(path: Path, load: Load, slo_ms: float) -> dict[str, float]:
    """The figures of a profile export; the file, which repeats every tensor that was sent, shrinks to a CSV of times.

    An export without a request or a window gives no figures.
    """
    export = read_json(path)
    sent, answered, windows = times(export)
    with whole_file(path.with_suffix(".requests.csv")) as temporary:
        rows = np.column_stack([sent, answered])
        np.savetxt(temporary, rows, fmt="%d", delimiter=",", header="sent_ns,answered_ns", comments="")
    path.unlink()
    return figures(export, load, slo_ms) if len(sent) and len(windows) > 1 else {}
