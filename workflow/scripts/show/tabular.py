"""Sections of tables without a plot: gpu, accuracy, engines, machine, commands."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from analyse.checks import agreement, largest
from analyse.contents import Document, Health, Served
from analyse.formatting import listed
from plan.processor import features
from record.points import CEILING
from serve.variants import PACKAGES


def gpu(document: Document) -> dict[str, Any] | None:
    """The `rows` that have figures of a GPU; None when none has."""
    rows = [row for row in document["rows"] if row["gpu_utilization"] is not None]
    return {"rows": rows} if rows else None


def accuracy(document: Document) -> dict[str, Any]:
    """`served`: one line per variant, or per protocol where they differ. The ceiling has no answers to check."""
    return {"served": [line for name, one in document["health"].items() if name != CEILING for line in _checks(one)]}


def engines(document: Document) -> dict[str, Any]:
    """Of each engine: `not_runnable`, why it cannot run on this machine, empty when it can; `layers`, in order."""
    gpus = document["system"]["gpus"]
    return {
        "engines": [
            {
                **engine,
                "not_runnable": not_runnable(engine, gpus),
                # The slowest first; in the engine's order where that was not measured.
                "layers": sorted(engine["layers"], key=lambda layer: -(layer["share"] or 0)),
            }
            for engine in document["engines"]
        ]
    }


def machine(document: Document) -> dict[str, Any]:
    """`packages`: versions by name, those that the model needs besides last; `features` of the processor."""
    versions = document["versions"]
    return {
        "features": features(document["system"]["cpu_flags"]),
        "packages": {name: versions["packages"].get(name) for name in (*PACKAGES, *versions.get("requirements", {}))},
    }


def commands(document: Document) -> dict[str, Any]:
    """`resolved_config`: the configuration as YAML."""
    return {"resolved_config": yaml.safe_dump(document["config"], sort_keys=False, allow_unicode=True)}


def not_runnable(engine: Mapping[str, Any], gpus: Sequence[Mapping[str, Any]]) -> str:
    """Why none of these GPUs can run an engine; empty when one can, or when it needs none."""
    wanted = engine["compute_capabilities"]
    present = sorted({gpu["compute_capability"] for gpu in gpus})
    if not wanted or set(wanted) & set(present):
        return ""
    if not present:
        return "this machine has no NVIDIA GPU"
    return f"built for compute capability {listed(wanted)}; this machine has {listed(present)}"


def _checks(health: Health) -> list[dict[str, Any]]:
    """What the health check found; protocols with the same figures share a line."""
    lines: list[dict[str, Any]] = []
    for protocol, found in health["protocols"].items():
        figures = _figures(found)
        same = next((line for line in lines if line["figures"] == figures), None)
        if same:
            same["protocols"].append(protocol)
        else:
            lines.append({"variant": health["variant"], "protocols": [protocol], "figures": figures})
    return [{**line, **{key: health[key] for key in ("samples", "healthy", "reasons", "remarks")}} for line in lines]


def _figures(found: Served) -> dict[str, Any]:
    """Accuracy over one protocol, and the worst of its cases: batch sizes, or shapes where axes vary."""
    parity = found["parity"].values()
    return {
        "accuracy": found["accuracy"],
        "max_abs_error": largest(parity, "max_abs_error"),
        "max_rel_error": largest(parity, "max_rel_error"),
        "agreement": agreement(parity),
        "cases": list(found["parity"]),
    }
