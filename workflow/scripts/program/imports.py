"""What a script imports, found by reading it."""

import ast
from functools import cache
from pathlib import Path


def project_imports(script: Path, root: Path) -> list[Path]:
    """The script, then every module below `root` that it imports, directly or through others, in order of name."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_modules(path, root))
    return [script, *sorted(found - {script})]


def top_level_imports(path: Path) -> set[str]:
    """The packages that one file imports, installed or not."""
    return {name.partition(".")[0] for name in _names(path)}


@cache
def _modules(path: Path, root: Path) -> frozenset[Path]:
    """Files of the modules, and of the packages around them, that one file imports from below `root`."""
    parts = [name.split(".") for name in _names(path)]
    bases = {root.joinpath(*part[:length]) for part in parts for length in range(1, len(part) + 1)}
    return frozenset(one for base in bases for one in (base.with_suffix(".py"), base / "__init__.py") if one.is_file())


@cache
def _names(path: Path) -> frozenset[str]:
    """What one file imports, dotted."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` and `from module import name` look alike: try both.
            found.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return frozenset(found)
