"""Sections machine and commands: under which conditions the figures arose, and how to get them again."""

from collections.abc import Mapping
from typing import Any

import yaml

# Of the installed packages, those that the figures depend on.
_KEY_PACKAGES = ["torch", "onnx", "onnxruntime", "openvino", "nvidia-pytriton", "tritonclient", "numpy", "snakemake"]


def machine(document: Mapping[str, Any]) -> dict[str, Any]:
    """`packages`: versions by name."""
    return {"packages": {name: document["versions"]["packages"].get(name) for name in _KEY_PACKAGES}}


def commands(document: Mapping[str, Any]) -> dict[str, Any]:
    """`resolved_config`: the configuration as YAML."""
    return {"resolved_config": yaml.safe_dump(document["config"], sort_keys=False, allow_unicode=True)}
