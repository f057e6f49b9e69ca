"""Section engines: what each engine is, and whether this machine can run it."""

from collections.abc import Mapping, Sequence
from typing import Any

from analyse.formatting import listed

Engine = Mapping[str, Any]


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """By backend: `not_runnable`, why an engine cannot run on this machine, empty when it can; `layers`, in order."""
    engines, gpus = document["engines"], document["system"]["gpus"]
    return {
        "not_runnable": {engine["backend"]: not_runnable(engine, gpus) for engine in engines},
        "layers": {engine["backend"]: slowest_first(engine) for engine in engines},
    }


def not_runnable(engine: Engine, gpus: Sequence[Mapping[str, Any]]) -> str:
    """Why none of these GPUs can run an engine; empty when one can, or when it needs none."""
    wanted = engine["compute_capabilities"]
    present = sorted({gpu["compute_capability"] for gpu in gpus})
    if not wanted or set(wanted) & set(present):
        return ""
    if not present:
        return "no NVIDIA GPU here"
    return f"for GPUs of compute capability {listed(wanted)}; here is {listed(present)}"


def slowest_first(engine: Engine) -> list[Mapping[str, Any]]:
    """The layers by their share of the time, or in the engine's order where that was not measured."""
    return sorted(engine["layers"], key=lambda layer: -(layer["share"] or 0))
