"""The table of kinds of models in docs/your-model.md, from tests/zoo: python tools/zoo_table.py writes it.

tests/test_zoo.py takes every kind to the health checks of its variants, or to the sentence that refuses it.
"""

import ast
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ZOO = ROOT / "tests" / "zoo"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "workflow" / "scripts")]

from config_docs import written_into
from zoo_runs import kinds

PAGE = ROOT / "docs" / "your-model.md"


def table() -> str:
    """The rows, one for each kind: what serves it, or the sentence of refusal."""
    rows = [row(name, module) for name, module in kinds().items()]
    return "\n".join(["| kind | | in tests/zoo |", "|---|---|---|", *sorted(rows, key=lambda one: "refused: " in one)])


def row(name: str, module: Any) -> str:
    """One kind; ast finds the docstring that the module itself may lack under -OO."""
    title = (ast.get_docstring(ast.parse((ZOO / f"{name}.py").read_text())) or name).rstrip(".")
    refusal = getattr(module, "REFUSED", "").replace("|", "\\|").strip().rstrip(":")
    served = ", ".join(f"`{one}`" for one in module.CONFIG["variants"])
    return f"| {title} | {f'refused: {refusal}' if refusal else f'served by {served}'} | [{name}](../tests/zoo/{name}.py) |"


def with_table(page: str) -> str:
    """The page with the table as it should be."""
    return written_into(page, table(), "<!-- zoo -->", "<!-- /zoo -->")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
