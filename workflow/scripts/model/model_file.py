"""What a model file declares, found by reading it: its functions and its constants, without running it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What the workflow calls (model/interface.py).
FUNCTIONS = frozenset({"build", "example", "dataset", "prepare", "train", "interpret", "decode", "metrics"})


@dataclass(frozen=True)
class Declared:
    """functions: names of those that stand at the top of the file; constants: top-level names with a literal value."""

    functions: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = field(default_factory=dict)

    @property
    def datasets(self) -> Mapping[str, Any]:
        """The data sets by name, each with the keys of `dataset` in the config that its content depends on."""
        found: Mapping[str, Any] = self.constants.get("DATASETS", {})
        return found

    @property
    def dataset_limits(self) -> Mapping[str, Any]:
        """Bounds of the keys of `dataset` besides the config's own, by key as pydantic's Field takes them."""
        found: Mapping[str, Any] = self.constants.get("DATASET_LIMITS", {})
        return found


def declared(path: Path) -> Declared:
    """Read a model file. Raises SyntaxError or ValueError when it is not Python."""
    functions, constants = set(), {}
    for node in ast.parse(path.read_bytes(), path).body:
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
    except ValueError:
        return None
