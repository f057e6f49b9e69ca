"""Section accuracy: what the health check found through the server."""

from collections.abc import Mapping
from typing import Any


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """`served`: one line per variant and protocol."""
    return {
        "served": [_served(found, protocol) for found in document["health"].values() for protocol in found["protocols"]]
    }


def _served(health: Mapping[str, Any], protocol: str) -> dict[str, Any]:
    """What the health check found over one protocol, the worst of its batch sizes."""
    found = health["protocols"][protocol]
    parity = found["parity"].values()
    return {
        "variant": health["variant"],
        "protocol": protocol,
        "accuracy": found["accuracy"],
        "max_abs_error": max(one["max_abs_error"] for one in parity),
        "max_rel_error": max(one["max_rel_error"] for one in parity),
        "agreement": min(one["agreement"] for one in parity),
        "batch_sizes": sorted(map(int, found["parity"])),
        "healthy": health["healthy"],
        "reasons": health["reasons"],
    }
