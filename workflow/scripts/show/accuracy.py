"""Section accuracy: what the health check found through the server."""

from collections.abc import Mapping
from typing import Any

from analyse.verdict import agreement


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """`served`: one line per variant, or per protocol where they differ."""
    return {"served": [line for found in document["health"].values() for line in _lines(found)]}


def _lines(health: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the health check found, protocols of which it found the same in one line."""
    lines: list[dict[str, Any]] = []
    for protocol, found in health["protocols"].items():
        figures = _figures(found)
        same = next((line for line in lines if line["figures"] == figures), None)
        if same:
            same["protocols"].append(protocol)
        else:
            lines.append({"variant": health["variant"], "protocols": [protocol], "figures": figures})
    return [{**line, **{key: health[key] for key in ("samples", "healthy", "reasons")}} for line in lines]


def _figures(found: Mapping[str, Any]) -> dict[str, Any]:
    """Accuracy over one protocol, and the worst of its cases: batch sizes, or shapes where axes vary."""
    parity = found["parity"].values()
    return {
        "accuracy": found["accuracy"],
        "max_abs_error": max(one["max_abs_error"] for one in parity),
        "max_rel_error": max(one["max_rel_error"] for one in parity),
        "agreement": agreement({"protocols": {"": found}}),
        "cases": list(found["parity"]),
    }
