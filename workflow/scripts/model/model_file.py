"""The functions and constants of a model file, read from its text without running it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

# The functions that the workflow calls (model/interface.py).
FUNCTIONS = frozenset({"build", "example", "dataset", "prepare", "train", "interpret", "decode", "metrics"})


@dataclass(frozen=True)
class Declared:
    """functions: names of the top-level functions. constants: top-level names with their literal values."""

    functions: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def datasets(self) -> Mapping[str, Any]:
        """The data sets by name, each with the keys of `dataset` in the config that its content depends on."""
        found: Mapping[str, Any] = self.constants.get("DATASETS", {})
        return found

    @property
    def dataset_limits(self) -> Mapping[str, Any]:
        """More bounds of the keys of `dataset`, by key as pydantic's Field takes them."""
        found: Mapping[str, Any] = self.constants.get("DATASET_LIMITS", {})
        return found


def declared(path: Path) -> Declared:
    """What a model file declares. Raises SyntaxError or ValueError if it is not Python."""
    return _declared(path.read_bytes(), path)


@cache
def _declared(text: bytes, path: Path) -> Declared:
    """By its text, because a plan asks for it again and again."""
    functions, constants = set(), {}
    for node in ast.parse(text, path).body:
        if isinstance(node, ast.FunctionDef):
            functions.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and (value := _literal(node.value)) is not None:
                    constants[target.id] = value
    return Declared(frozenset(functions), constants)


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
