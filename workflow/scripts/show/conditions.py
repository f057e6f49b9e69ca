"""Sections machine and commands: under which conditions the figures arose, and how to get them again."""

from collections.abc import Mapping
from typing import Any

import yaml

from serve.variants import PACKAGES, SERVER_PACKAGES


def machine(document: Mapping[str, Any]) -> dict[str, Any]:
    """`packages`: versions by name, of those that are installed and that the figures depend on."""
    installed = document["versions"]["packages"]
    shown = (*PACKAGES, *SERVER_PACKAGES, "onnx", "numpy", "snakemake")
    return {"packages": {name: installed[name] for name in shown if name in installed}}


def commands(document: Mapping[str, Any]) -> dict[str, Any]:
    """`resolved_config`: the configuration as YAML."""
    return {"resolved_config": yaml.safe_dump(document["config"], sort_keys=False, allow_unicode=True)}
