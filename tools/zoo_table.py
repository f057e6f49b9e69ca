"""The kinds of models in tests/zoo, and their table in docs/your-model.md, which `make docs` renews.

tests/test_zoo.py takes every kind to the health checks of its variants, or to the sentence that refuses it.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from config_docs import written_into

ROOT = Path(__file__).parents[1]
ZOO = ROOT / "tests" / "zoo"
PAGE = ROOT / "docs" / "your-model.md"


def kinds() -> dict[str, ModuleType]:
    """The modules of the zoo by name: each is a kind of model, and CONFIG what its configuration says of it."""
    if str(ZOO) not in sys.path:
        sys.path.append(str(ZOO))
    found = {path.stem: importlib.import_module(path.stem) for path in sorted(ZOO.glob("*.py"))}
    return {name: module for name, module in found.items() if hasattr(module, "CONFIG")}


def table() -> str:
    """A row for each kind: the variants that serve it, or the sentence of refusal; the refused ones last."""
    found = sorted(kinds().items(), key=lambda one: hasattr(one[1], "REFUSED"))
    return "\n".join(["| kind | | in tests/zoo |", "|---|---|---|", *(row(name, module) for name, module in found)])


def row(name: str, module: ModuleType) -> str:
    """One kind."""
    title = (module.__doc__ or name).strip().rstrip(".")
    served = ", ".join(f"`{one}`" for one in module.CONFIG["variants"])
    refused = getattr(module, "REFUSED", "").strip().rstrip(":")
    fate = f"refused: {refused}" if refused else f"served by {served}"
    return f"| {title} | {fate} | [{name}](../tests/zoo/{name}.py) |"


def with_table(page: str) -> str:
    """The page with the table as it should be."""
    return written_into(page, table(), "<!-- zoo -->", "<!-- /zoo -->")


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
