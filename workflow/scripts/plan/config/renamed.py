"""Keys of earlier versions: they still work, and a line says what to write today."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from snakemake.utils import update_config

_OPENVINO = {"f32": "fp32", "bf16": "bf16", "f16": "fp16"}


def _precisions(_config: Mapping[str, Any], value: Any) -> dict[str, Any] | None:
    """Before 0.3 OpenVINO alone had a precision, in its own words."""
    return {"precisions": [_OPENVINO[value]]} if isinstance(value, str) and value in _OPENVINO else None


def _added_rounds(config: Mapping[str, Any], value: Any) -> dict[str, Any] | None:
    """Before 0.3 all rounds were bounded, not those that are added."""
    rounds = config["sweep"].get("rounds")
    known = type(value) is int and type(rounds) is int
    return {"sweep": {"added_rounds": max(0, value - rounds)}} if known else None


# What the configuration says today, by the dotted name of the earlier key; None for a value that it could not have.
RENAMED: Mapping[str, Callable[[Mapping[str, Any], Any], dict[str, Any] | None]] = {
    "engine.openvino.precision": _precisions,
    "sweep.max_rounds": _added_rounds,
}


def current(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The configuration in the keys of this version, and a line for each of an earlier one that it had."""
    result, lines = copy.deepcopy(dict(config)), []
    for key, translated in RENAMED.items():
        sections = _sections(result, key)
        *_, name = key.split(".")
        now = translated(result, sections[-1][name]) if sections and name in sections[-1] else None
        if now is None:
            continue
        del sections[-1][name]
        _drop_empty(sections, key)
        update_config(result, now)
        today = yaml.safe_dump(now, default_flow_style=True).strip()[1:-1]
        lines.append(f"config: {key} is of an earlier version, and still works. Hint: write {today}")
    return result, lines


def _sections(config: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The mappings that a dotted key goes through, from the outermost; none where one is missing."""
    found: list[dict[str, Any]] = [config]
    for part in key.split(".")[:-1]:
        inner = found[-1].get(part)
        if not isinstance(inner, dict):
            return []
        found.append(inner)
    return found


def _drop_empty(sections: list[dict[str, Any]], key: str) -> None:
    """Remove the innermost section if nothing is left in it: a section may be gone as well."""
    if not sections[-1]:
        del sections[-2][key.split(".")[-2]]
