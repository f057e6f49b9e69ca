"""Rule judgement: is what a variant answers within the bounds of the configuration?

health/<variant>.json is what the health check recorded, with `healthy` and the `reasons` why it is not. Nothing that
measures depends on it: other bounds judge the same record again. An unhealthy variant has no part in a comparison.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from model import comparison
from model.comparison import OutputDifference, Paired
from model.reference import place
from plan.settings.health import Bounds, Judgement
from program.cli import log
from program.files import write_json
from program.job import run
from record.recorded import read_checks


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Judgement
    checks: Annotated[Path, "checks.json of the variant"]
    health: Annotated[Path, "output: health.json"]


def allowed(wanted: Bounds) -> comparison.Bounds:
    """The differences that the bounds of a variant allow."""
    errors = {"max_abs_error": wanted.max_abs_error, "max_rel_error": wanted.max_rel_error}
    bounded = {name: bound for name, bound in errors.items() if bound is not None}
    return comparison.Bounds(min_agreement=wanted.min_agreement, **bounded)


def beyond(found: Mapping[str, Any], settings: Judgement) -> list[str]:
    """What the answers over one protocol, as recorded, fall short of, in words."""
    wanted = settings.bounds
    bounds = allowed(wanted)
    result = []
    for label, case in found["parity"].items():
        differing = {name: OutputDifference(**one) for name, one in case["outputs"].items()}
        result += [f"{fault} at {place(label)}" for fault in comparison.faults(differing, bounds, settings.tolerances)]
    if found["accuracy"] is not None and found["accuracy"] < wanted.min_accuracy:
        result.append(f"accuracy {found['accuracy']:.4f} < {wanted.min_accuracy:g}")
    if found["paired"] and wanted.max_accuracy_loss is not None:
        loss = Paired(**found["paired"]).loss
        if loss > wanted.max_accuracy_loss:
            result.append(f"accuracy {loss:.4f} below the reference's, more than {wanted.max_accuracy_loss:g}")
    return result


def judged(checks: Mapping[str, Any], settings: Judgement) -> dict[str, Any]:
    """The content of health.json; of a model that computes nothing the answers do not count."""
    recorded = dict(checks)
    computes, reasons = recorded.pop("computes"), recorded.pop("faults")
    if computes:
        found = recorded["protocols"].items()
        reasons = reasons + [f"{name}: {fault}" for name, one in found for fault in beyond(one, settings)]
    return {**recorded, "healthy": not reasons, "reasons": reasons}


def main(job: Job) -> None:
    health = judged(read_checks(job.checks), job.settings)
    write_json(job.health, health)
    if not health["healthy"]:
        log.warning("%s is unhealthy: %s", health["variant"], "; ".join(health["reasons"]))


if __name__ == "__main__":
    run(main, Job, __doc__)
