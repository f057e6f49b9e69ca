"""A small run as the report sees it, one variant of each kind: fast, slow, unstable, broken, and the ceiling."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analyse import tables
from analyse.document import document
from analyse.summary import summarise
from conftest import ROOT
from model.comparison import OutputDifference, record
from record.points import CEILING, HEAD_TO_HEAD_COLUMNS, POINT, REPEAT_COLUMNS

TEMPLATE = ROOT / "workflow" / "scripts" / "show" / "perf_report.html.j2"
CONCURRENCIES = (1, 65)
THROUGHPUTS = {"fast": (1000, 5000), "slow": (800, 4000), "shaky": (500, 2000), "broken": (0, 0), CEILING: (2000, 8000)}
SHAPES = {bound: {"input": [batch, 1, 28, 28]} for bound, batch in {"min": 1, "opt": 64, "max": 128}.items()}


def measured(variant: str, concurrency: int, throughput: float, **changes: Any) -> dict[str, Any]:
    """One stable repeat of one point, with `changes`."""
    latency = 1e6 * concurrency / throughput
    return {
        **dict.fromkeys(REPEAT_COLUMNS),
        **{"variant": variant, "protocol": "grpc", "batch_size": 1, "concurrency": concurrency, "repeat": 1},
        **{"load_mode": "concurrency", "shared_memory": "none", "shape": ""},
        **{"throughput": throughput, "status": "stable", "reason": "", "requests": 30_000, "effective_batch": 16.0},
        **{f"latency_{name}": latency * factor for name, factor in _PERCENTILES.items()},
        **{"server_queue": latency * 0.2, "server_compute_input": latency * 0.05},
        **{"server_compute_infer": latency * 0.4, "server_compute_output": latency * 0.05},
        "command": f"perf_analyzer -m {variant} --concurrency-range {concurrency}",
        **changes,
    }


PUBLISHED = {
    "machine": "A100",
    "text": "Somebody measured this.",
    "figures": [
        {"server": server, "concurrency": concurrency, "throughput": throughput, "latency": latency}
        for server, concurrency, throughput, latency in [
            ("PyTriton, eager PyTorch", 1, 501.6, 1_992),
            ("PyTriton, eager PyTorch", 65, 1_463.2, 44_347),
            ("TensorRT backend", 257, 35_059, None),
        ]
    ],
}
_PERCENTILES = {"avg": 1.0, "p50": 0.9, "p90": 1.5, "p95": 1.8, "p99": 3.0}


def unstable(variant: str, concurrency: int, throughput: float, **changes: Any) -> dict[str, Any]:
    """One repeat of which only the medians of the windows are known."""
    return {
        **measured(variant, concurrency, throughput),
        **{f"latency_{name}": None for name in _PERCENTILES if name != "avg"},
        **{f"server_{name}": None for name in ("queue", "compute_input", "compute_infer", "compute_output")},
        **{"requests": None, "status": "unstable", "reason": "not stable within 8 windows", **changes},
    }


def failed(variant: str, concurrency: int, reason: str, **changes: Any) -> dict[str, Any]:
    """One repeat without figures."""
    names = (*POINT, "repeat")
    known = {name: value for name, value in measured(variant, concurrency, 1).items() if name in names}
    return {**dict.fromkeys(REPEAT_COLUMNS), **known, "status": "failed", "reason": reason, "command": "", **changes}


def repeats(protocol: str = "grpc") -> pd.DataFrame:
    """Two repeats of every point over one protocol."""
    rows = []
    for variant, throughputs in THROUGHPUTS.items():
        for repeat, factor in ((1, 1.0), (2, 1.04)):
            for concurrency, throughput in zip(CONCURRENCIES, throughputs):
                where: dict[str, Any] = {"repeat": repeat, "protocol": protocol}
                if variant == "broken":
                    rows.append(failed(variant, concurrency, "not measured, unhealthy: grpc: not ready", **where))
                elif variant == "shaky" and concurrency == 65:
                    rows.append(unstable(variant, concurrency, throughput * factor, **where))
                else:
                    rows.append(measured(variant, concurrency, throughput * factor, **where))
    return pd.DataFrame(rows)


def compared(absolute: float, relative: float, agreement: float | None) -> dict[str, Any]:
    """One case of parity.json or health.json, of a model with one output."""
    return record({"output": OutputDifference(max_abs_error=absolute, max_rel_error=relative, agreement=agreement)})


def healthy(variant: str, agreement: float = 1.0, reasons: tuple[str, ...] = ()) -> dict[str, Any]:
    """The health check of a variant."""
    parity = compared(1e-5, 1e-6, agreement)
    checks = ("live", "ready", "model_ready", "metadata_as_promised", "refuses_beyond_profile")
    protocol = {**dict.fromkeys(checks, True), "parity": {"1": parity, "128": parity}, "accuracy": 0.991}
    protocol["paired"] = {"both": 990, "variant_alone": 1, "reference_alone": 2, "neither": 7, "differing": 3}
    return {
        "variant": variant,
        "model": f"sample_{variant}",
        "server": {"kind": "bundled", "version": "2.51.0"},
        "healthy": not reasons,
        "reasons": list(reasons),
        "remarks": [],
        "accuracy": 0.991,
        "samples": 1000,
        "protocols": {"grpc": protocol, "http": protocol},
    }


def health() -> dict[str, dict[str, Any]]:
    """The health checks of all variants, by variant."""
    reasons = {"broken": ("grpc: not ready",)}
    return {variant: healthy(variant, reasons=reasons.get(variant, ())) for variant in THROUGHPUTS}


def engine(obtained: str = "f32") -> dict[str, Any]:
    """The record of an engine for which f32 was requested."""
    return {
        "backend": "openvino",
        "target": "Some <CPU>",
        "precision": {"requested": "f32", "obtained": obtained},
        "profiles": [SHAPES],
        "compute_capabilities": [],
        "layers": [],
        "versions": {
            "openvino": "2026.4.1-22982-e213a147257-releases/2026/4-and-a-branch-of-ones-own-whose-name-is-long-too"
        },
        "build_seconds": 0.24,
        "file": "model.blob",
        "bytes": 1_742_161,
        "sha256": "0" * 64,
        "source_sha256": "1" * 64,
        "command": ["python", "engine.py", "--settings", '{"precision": "f32"}'],
    }


def other_records() -> dict[str, Any]:
    """What the report takes from the other stages unchanged."""
    return {
        "config": {
            **{
                "run": "sample",
                "model": {"name": "small", "file": "model.py", "onnx": "", "batching": True},
                "profile": {"opt": "input:64x1x28x28"},
                "not_served": {"aotinductor": "PyTorch <cannot> export the module: " + "a reason of many words " * 9},
            },
            **{"serving": {"device": "cpu", "inner": "fast"}, "sweep": {"slo_ms": 20, "repeats": 2}},
            **{"report": {"cost_per_hour": 0.36}, "deploy": {"variant": "openvino"}},
        },
        "dataset": {"source": "embedded", "train": {"count": 4000}, "test": {"count": 1000}},
        "model": {"accuracy": 0.991, "seed": 1, "epochs": 40},
        "parity": {
            "samples": 1000,
            "tolerance": {"max_abs_error": 1e-4, "max_rel_error": 1e-4, "min_agreement": 1.0},
            "exports": {"onnx": {"1": compared(1e-5, 0.0, 1.0)}},
        },
        "versions": {
            **{
                "python": "3.11",
                "os": "Debian",
                "kernel": "6.1",
                "git": {},
                "packages": {"torch": "2.14.1"},
                "requirements": [],
            },
            **{"triton": {"kind": "bundled", "version": "2.51.0"}, "perf_analyzer": "2.51.0"},
        },
        "system": {
            **{"cpu": "Some CPU", "cores": 2, "threads": 4, "usable_threads": 4, "memory_bytes": 2**34},
            **{"governor": None, "virtual_machine": True, "gpus": [], "cpu_flags": []},
        },
        "timeline": [{"job": "train", "started": "2026-11-24T06:00:00.000+00:00", "seconds": 40.5}],
        "published": PUBLISHED,
    }


def turn(variant: str, number: int, throughput: float, **changes: Any) -> dict[str, Any]:
    """One turn of one round of head_to_head at concurrency 65, with `changes`."""
    return {
        **{
            name: measured(variant, 65, throughput)[name]
            for name in (*POINT, "latency_avg", "latency_p50", "latency_p99")
        },
        **{"round": number, "turn": 1, "started": f"2026-11-28T09:{number:02}:00+00:00", "seconds": 1.5},
        **{"throughput": throughput, "foreign_cpu": 0.02, "steal": 0.0, "attempts": 1, "status": "measured"},
        **{"reason": "", "job": "one", "host": "here", **changes},
    }


def rounds(throughputs: Mapping[str, float], count: int = 9, scatter: float = 0.02, seed: int = 0) -> pd.DataFrame:
    """Rounds in which each variant has about its throughput: a drift of a tenth in common, and a scatter of its own."""
    generator = np.random.default_rng(seed)
    drifts = generator.normal(0, 0.1, count)
    found = [
        turn(name, number, throughput * math.exp(drift + generator.normal(0, scatter)))
        for number, drift in enumerate(drifts, 1)
        for name, throughput in throughputs.items()
    ]
    return pd.DataFrame(found, columns=HEAD_TO_HEAD_COLUMNS)


def at_rate(variant: str, rate: float, slo_met: float, **changes: Any) -> dict[str, Any]:
    """One stable repeat of requests at a constant rate."""
    level = {"concurrency": None, "load_mode": "constant", "request_rate": rate}
    return {**measured(variant, 1, rate), **level, "slo_met": slo_met, "send_delay_p99": 150.0, **changes}


def sample_document(
    table: pd.DataFrame | None = None, limit: float | None = None, turns: pd.DataFrame | None = None
) -> dict[str, Any]:
    """The document of the sample, or of other repeats of its variants; `limit`: what the model of `fast` does alone;
    `turns`: of head_to_head, none by default."""
    table = repeats() if table is None else table
    turns = tables.read_rounds(None) if turns is None else turns
    limits = {} if limit is None else {("fast", ""): limit}
    accuracies = {name: found["accuracy"] for name, found in health().items()}
    summary = summarise(table, accuracies, limits, turns)
    return document(summary, table, turns, [], health(), [engine("bf16")], other_records())


def summary_rows(*found: dict) -> list[dict]:
    """Rows of the summary of these repeats."""
    return tables.records(summarise(pd.DataFrame(found), {}))


def in_process_repeats() -> list[dict]:
    """Three repeats of one model at two batch sizes."""
    return [
        {"variant": "fast", "batch_size": size, "repeat": repeat, "throughput": throughput * (1 + 0.1 * repeat),
         "latency_p50": 100.0, "calls": 40, "threads": 1, "shape": ""}
        for repeat in (1, 2, 3) for size, throughput in ((64, 20_000.0), (128, 10_000.0))
    ]  # fmt: skip
