"""Section engines: what each engine is, and whether this machine can run it."""

from collections.abc import Mapping, Sequence
from typing import Any

from reporting.words import listed


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """`not_runnable`: by backend, why an engine cannot run on this machine; only those that cannot."""
    reasons = {engine["backend"]: not_runnable(engine, document["system"]["gpus"]) for engine in document["engines"]}
    return {"not_runnable": {backend: reason for backend, reason in reasons.items() if reason}}


def not_runnable(engine: Mapping[str, Any], gpus: Sequence[Mapping[str, Any]]) -> str:
    """Why none of these GPUs can run an engine; empty when one can, or when it needs none."""
    wanted = engine["compute_capabilities"]
    present = sorted({gpu["compute_capability"] for gpu in gpus})
    if not wanted or set(wanted) & set(present):
        return ""
    if not present:
        return "no NVIDIA GPU here"
    return f"for GPUs of compute capability {listed(wanted)}; here is {listed(present)}"
