"""The report as one HTML page that needs nothing from outside of itself."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from measurement.points import CEILING, LATENCIES
from reporting import rows, words
from reporting.figures import plots
from settings import shapes

# Of the installed packages, those that the figures depend on.
_KEY_PACKAGES = ["torch", "onnx", "onnxruntime", "openvino", "nvidia-pytriton", "tritonclient", "numpy", "snakemake"]


def render(document: Mapping[str, Any], template: Path) -> str:
    """The page for a document of reporting.document; what `template` includes stands beside it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "percent": words.percent,
        "milliseconds": words.milliseconds,
        "error": words.error,
        "size": words.size,
        "listed": words.listed,
        "shapes": shapes.format,
        "command": shlex.join,
        "place": rows.place,
        "breakdown": rows.breakdown,
        "indicative": rows.indicative,
    }
    return environment.get_template(template.name).render(
        **document,
        plots=plots(document["rows"]),
        plotly=Markup(get_plotlyjs()),
        ceiling=CEILING,
        latencies=LATENCIES,
        protocols=rows.PROTOCOLS,
        packages={name: document["versions"]["packages"].get(name) for name in _KEY_PACKAGES},
        without_figures=[row for row in document["rows"] if row["throughput"] is None],
        served=[_served(found, protocol) for found in document["health"].values() for protocol in found["protocols"]],
        resolved_config=yaml.safe_dump(document["config"], sort_keys=False, allow_unicode=True),
    )


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
