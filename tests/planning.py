"""A configuration up to the point where `snakemake -n` has planned it, without Snakemake: for thousands of them."""

import copy
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

from snakemake.utils import update_config

from plan.config import checked
from plan.configured import PROJECT, mapping
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan
from program.typed import canonical

DEFAULT = mapping(PROJECT / "config" / "config.yaml")


def planned(overlay: Mapping[str, Any]) -> None:
    """Lay an overlay over the default, check it, and ask all that the rules ask. Raises UserError as the Snakefile."""
    config = copy.deepcopy(DEFAULT)
    update_config(config, overlay)
    plan = Plan(checked(config, PROJECT), PROJECT)
    for question in [name for name, value in vars(Plan).items() if isinstance(value, property)]:
        getattr(plan, question)
    settings = RuleSettings(plan)
    for question in [value for name, value in vars(RuleSettings).items() if callable(value) and name[0] not in "_"]:
        for arguments in _arguments(question, plan):
            canonical(question(settings, **arguments))
    for variant in plan.variants:
        for question in (plan.library, plan.runtime, plan.processing_beside, plan.artifact, plan.record):
            question(variant)


def _arguments(question: Callable, plan: Plan) -> list[dict[str, str]]:
    """What a rule asks with, for every variant that it has a job for."""
    of_rule = {"repository": "model", "repository_native": "native", "repository_pytriton": "pytriton"}
    taken = [*signature(question).parameters][1:]
    if not taken:
        needs_raw = {"repository_bls": "bls", "repository_ensemble": "ensemble"}.get(question.__name__)
        return [{}] if needs_raw is None or needs_raw in plan.variants else []
    if taken == ["precision"]:
        return [{"precision": "fp16"}]
    if taken == ["engine"]:
        backend = question.__name__.removeprefix("engine_")
        return [{"engine": name} for name in plan.engines if name.startswith(backend)]
    variants = plan.config.tune.variants if question.__name__.startswith("tune_") else plan.variants
    if question.__name__ in of_rule:
        variants = [name for name in variants if plan.served(name).kind == of_rule[question.__name__]]
    if question.__name__ == "in_process":
        variants = plan.in_process
    return [{"variant": name} | ({"repeat": "1"} if "repeat" in taken else {}) for name in variants]
