"""Rule healthcheck: is a variant what it promises to be, through the server, over gRPC and HTTP?

health/<variant>.json holds, per protocol: live, ready, model ready, metadata as configured, a batch beyond the profile
refused, the difference from PyTorch and the accuracy on the test set. A variant outside the config's bounds is
recorded as unhealthy with the reasons; it then has no sweep. A server that does not start fails the rule.
"""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient.utils import InferenceServerException

from models.interface import Arrays, in_batches
from models.reference import Reference, answers, difference, load
from program import cli
from program.cli import log
from program.files import write_json
from serving import endpoint, server
from settings import shapes

# Enough to find a fault of one batch size; accuracy is taken of all samples.
MAX_REQUESTS = 100
_UNBOUNDED = {"max_abs_error": float("inf"), "min_agreement": 0.0, "min_accuracy": 0.0}


def promised_metadata(model: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata that a server must report for these inputs and outputs."""
    return {
        side: {tensor["name"]: {"datatype": tensor["dtype"], "shape": [-1, *tensor["dims"]]} for tensor in model[side]}
        for side in ("inputs", "outputs")
    }


def refuses(one: endpoint.Endpoint, reference: Reference, batch: int) -> bool:
    """Whether a request of `batch` samples is answered with an error that names the batch size."""
    inputs = {name: np.resize(array, (batch, *array.shape[1:])) for name, array in reference.inputs.items()}
    try:
        one.infer(inputs, list(reference.outputs))
    except InferenceServerException as error:
        return "batch" in error.message() or "profile" in error.message()
    return False


def check(one: endpoint.Endpoint, settings: Mapping[str, Any], reference: Reference) -> dict[str, Any]:
    """All checks over one protocol, at each batch size of the profile."""
    profile = {bound: shapes.batch(shapes.parse(text)) for bound, text in settings["profile"].items()}
    outputs = list(reference.outputs)

    def infer(inputs: Arrays) -> list[np.ndarray]:
        return one.infer(inputs, outputs)

    result: dict[str, Any] = {
        "live": one.live(),
        "ready": one.ready(),
        "model_ready": one.model_ready(),
        "metadata_as_promised": one.metadata() == promised_metadata(settings["model"]),
        "refuses_beyond_profile": refuses(one, reference, profile["max"] + 1),
        "parity": {},
    }
    for size in sorted(set(profile.values())):
        # Whole batches only: the last, smaller one may lie outside the profile.
        part = reference.first(min(len(reference.labels) // size, MAX_REQUESTS) * size)
        served = in_batches(infer, part.inputs, size)
        result["parity"][str(size)] = asdict(difference(served, list(part.outputs.values())))
    left_over = len(reference.labels) % profile["max"]
    part = reference.first(len(reference.labels) - (left_over if left_over < profile["min"] else 0))
    served = in_batches(infer, part.inputs, profile["max"])
    result["samples"] = len(part.labels)
    result["accuracy"] = float((answers(served[0]) == part.labels).mean())
    return result


def faults(found: Mapping[str, Any], bounds: Mapping[str, float]) -> list[str]:
    """What one protocol's checks fall short of, in words."""
    flags = ("live", "ready", "model_ready", "metadata_as_promised", "refuses_beyond_profile")
    result = [f"not {name.replace('_', ' ')}" for name in flags if not found[name]]
    for size, parity in found["parity"].items():
        if parity["max_abs_error"] > bounds["max_abs_error"]:
            result.append(f"max abs error {parity['max_abs_error']:.3g} > {bounds['max_abs_error']:g} at batch {size}")
        if parity["agreement"] < bounds["min_agreement"]:
            result.append(f"agreement {parity['agreement']:.4f} < {bounds['min_agreement']:g} at batch {size}")
    if found["accuracy"] < bounds["min_accuracy"]:
        result.append(f"accuracy {found['accuracy']:.4f} < {bounds['min_accuracy']:g}")
    return result


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    reference = load(options.reference).renamed(settings["model"])
    if settings["bounds"]["samples"] != "all":
        reference = reference.first(settings["bounds"]["samples"])
    names = server.models(options.repository)
    with server.running(options.repository, names, options.server_log, kind=settings["server"]) as running:
        protocols = {}
        for protocol in endpoint.PROTOCOLS:
            with endpoint.connected(running, protocol, settings["name"]) as one:
                protocols[protocol] = check(one, settings, reference)
                version = one.server_version()
    # The ceiling computes nothing, so nothing is asked of its answers.
    bounds = settings["bounds"] if settings["computes"] else _UNBOUNDED
    reasons = [f"{name}: {fault}" for name, found in protocols.items() for fault in faults(found, bounds)]
    result = {
        "variant": settings["variant"],
        "model": settings["name"],
        "server": {"kind": settings["server"], "version": version},
        "healthy": not reasons,
        "reasons": reasons,
        "accuracy": min(found["accuracy"] for found in protocols.values()),
        "samples": min(found["samples"] for found in protocols.values()),
        "protocols": protocols,
    }
    write_json(options.health, result)
    if reasons:
        log.warning("%s is unhealthy and will not be measured: %s", settings["variant"], "; ".join(reasons))
    else:
        log.info("%s is healthy, accuracy %s", settings["variant"], result["accuracy"])


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result,
        '{"variant": …, "name": …, "server": server, "computes": bool, "model": model, "profile": …, '
        '"bounds": healthcheck}',
    )
    result.add_argument("--repository", type=Path, required=True, help="model repository")
    result.add_argument("--reference", type=Path, required=True, help="reference.npz")
    result.add_argument("--server-log", type=Path, required=True, help="output: Triton's log")
    result.add_argument("--health", type=Path, required=True, help="output: health.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
