"""Turns of head_to_head: how one is taken, and when there are enough of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from plan.settings.perf import HeadToHead, Target
from record import perf_analyzer
from record.measurement import measured
from serve.server import Server

# The first window warms up. perf_analyzer gives percentiles with its third window, of all of them.
_WARM_UP, _WINDOWS = 1, 3
# Rounds give the scatter, so that windows need not agree.
_ANY = 1e9
_CONFIDENCE = 0.95


def taken(running: Server, target: Target, settings: HeadToHead, data: Path, raw: Path) -> dict[str, Any]:
    """One turn: throughput and average latency without the warm-up, in `seconds`; percentiles with it."""
    windows = replace(settings.windows, stability_percent=_ANY, max_windows=_WINDOWS)
    point = measured(running, target, settings.load, windows, data, raw)
    if point["status"] == "failed":
        return point
    text = (raw / f"{settings.load.name}.txt").read_text(errors="replace")
    counted = perf_analyzer.passes(text)[_WARM_UP:]
    throughputs = [throughput for throughput, _ in counted]
    return {
        **point,
        "seconds": len(counted) * windows.window_ms / 1000,
        "throughput": fmean(throughputs),
        "latency_avg": fmean((latency for _, latency in counted), throughputs),
    }


def enough(rows: Sequence[Mapping[str, Any]], settings: HeadToHead) -> bool:
    """Whether there are as many rounds as asked for, and the ratios are known well enough or no round may be added."""
    done = max((row["round"] for row in rows), default=0)
    if done < settings.rounds:
        return False
    if settings.until is None or done >= settings.max_rounds:
        return True
    return all(width <= settings.until for width in half_widths(rows, settings.baseline).values())


def half_widths(rows: Sequence[Mapping[str, Any]], baseline: str) -> dict[str, float]:
    """Half the width of the 95 % interval of the ratio of each other variant to `baseline`, in per cent of it.

    Student's t on the logarithms of the ratios within a round. Infinite with fewer than two pairs. A baseline without a
    turn is replaced by another variant.
    """
    from scipy.stats import t

    names = list(dict.fromkeys(row["variant"] for row in rows))
    base = baseline if baseline in names else min(names, default="")
    logs = {(row["variant"], row["round"]): math.log(row["throughput"]) for row in rows if row.get("throughput")}
    found = {}
    for name in names:
        if name == base:
            continue
        rounds = [number for one, number in logs if one == name and (base, number) in logs]
        pairs = [logs[name, number] - logs[base, number] for number in rounds]
        found[name] = math.inf
        if len(pairs) > 1:
            half = t.ppf((1 + _CONFIDENCE) / 2, len(pairs) - 1) * stdev(pairs) / math.sqrt(len(pairs))
            found[name] = 100 * math.expm1(half)
    return found
