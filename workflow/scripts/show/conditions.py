"""Sections machine and commands: under which conditions the figures arose, and how to get them again."""

from collections.abc import Mapping
from typing import Any

import yaml

from serve.variants import PACKAGES


def machine(document: Mapping[str, Any]) -> dict[str, Any]:
    """`packages`: versions by name."""
    return {"packages": {name: document["versions"]["packages"].get(name) for name in PACKAGES}}


def commands(document: Mapping[str, Any]) -> dict[str, Any]:
    """`resolved_config`: the configuration as YAML."""
    return {"resolved_config": yaml.safe_dump(document["config"], sort_keys=False, allow_unicode=True)}
