"""Turns of head_to_head: how one is taken, and when there are enough of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, geometric_mean, stdev
from typing import Any

from plan.loads import Load, Windows
from plan.settings.perf import HeadToHead, Target
from record import perf_analyzer
from record.measurement import measured
from record.points import CEILING
from serve.server import Server

# The first window warms up. perf_analyzer gives percentiles with its third window, of all of them.
_WARM_UP, _WINDOWS = 1, 3
# Rounds give the scatter, so that windows need not agree.
_ANY = 1e9
_CONFIDENCE = 0.95
# The verdict compares the fastest with the second.
_LEADERS = 2


def taken(running: Server, target: Target, load: Load, windows: Windows, data: Path, raw: Path) -> dict[str, Any]:
    """One turn: throughput and average latency without the warm-up, in `seconds`; percentiles with it."""
    windows = replace(windows, stability_percent=_ANY, max_windows=_WINDOWS)
    point = measured(running, target, load, windows, data, raw)
    if point["status"] == "failed":
        return point
    text = (raw / f"{load.name}.txt").read_text(errors="replace")
    counted = perf_analyzer.passes(text)[_WARM_UP:]
    throughputs = [throughput for throughput, _ in counted]
    return {
        **point,
        "seconds": len(counted) * windows.window_ms / 1000,
        "throughput": fmean(throughputs),
        "latency_avg": fmean((latency for _, latency in counted), throughputs),
    }


def due(rows: Sequence[Mapping[str, Any]], variants: Sequence[str], settings: HeadToHead) -> list[str]:
    """The variants of the next round; none when there are enough rounds.

    All take part in the rounds that are asked for. Those added until the verdict's ratios are known well enough are for
    the variants that decide it.
    """
    done = max((row["round"] for row in rows), default=0)
    if done < settings.rounds:
        return list(variants)
    if settings.until is None or done >= settings.rounds + settings.added_rounds:
        return []
    decisive = leading([row for row in rows if row["round"] <= settings.rounds], settings.baseline)
    if len(decisive) < 2:
        return []
    widths = half_widths([row for row in rows if row["variant"] in decisive], decisive[0])
    return decisive if any(width > settings.until for width in widths.values()) else []


def leading(rows: Sequence[Mapping[str, Any]], baseline: str) -> list[str]:
    """The variants that decide the verdict, the fastest first: the two fastest, and `baseline` if it was measured."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row.get("throughput") and row["variant"] != CEILING:
            found.setdefault(row["variant"], []).append(row["throughput"])
    ranked = sorted(found, key=lambda name: -geometric_mean(found[name]))
    return [name for place, name in enumerate(ranked) if place < _LEADERS or name == baseline]


def half_widths(rows: Sequence[Mapping[str, Any]], base: str) -> dict[str, float]:
    """Half the width of the 95 % interval of the ratio of each other variant to `base`, in per cent of it.

    Student's t on the logarithms of the ratios within a round. Infinite with fewer than two pairs.
    """
    from scipy.stats import t

    logs = {(row["variant"], row["round"]): math.log(row["throughput"]) for row in rows if row.get("throughput")}
    found = {}
    for name in dict.fromkeys(row["variant"] for row in rows):
        if name == base:
            continue
        rounds = [number for one, number in logs if one == name and (base, number) in logs]
        pairs = [logs[name, number] - logs[base, number] for number in rounds]
        found[name] = math.inf
        if len(pairs) > 1:
            half = t.ppf((1 + _CONFIDENCE) / 2, len(pairs) - 1) * stdev(pairs) / math.sqrt(len(pairs))
            found[name] = 100 * math.expm1(half)
    return found
