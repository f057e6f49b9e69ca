"""What a script imports, found by reading it."""

import ast
from functools import cache
from pathlib import Path

Names = frozenset[str]


def project_imports(script: Path, root: Path, without: Names = frozenset()) -> list[Path]:
    """The script, then every module below `root` that it imports, directly or through others, in order of name.

    `without`: functions of the script whose imports do not count.
    """
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_modules(path, root, without if path == script else frozenset()))
    return [script, *sorted(found - {script})]


def top_level_imports(path: Path, without: Names = frozenset()) -> set[str]:
    """The packages that one file imports, whoever brings them, outside of the functions `without`."""
    return {name.partition(".")[0] for name in _names(path, without)}


@cache
def _modules(path: Path, root: Path, without: Names) -> frozenset[Path]:
    """Files of the modules, and of the packages around them, that one file imports from below `root`."""
    parts = [name.split(".") for name in _names(path, without)]
    bases = {root.joinpath(*part[:length]) for part in parts for length in range(1, len(part) + 1)}
    return frozenset(one for base in bases for one in (base.with_suffix(".py"), base / "__init__.py") if one.is_file())


@cache
def _names(path: Path, without: Names) -> frozenset[str]:
    """What one file imports, dotted, outside of the functions `without`."""
    found: set[str] = set()
    parts = ast.parse(path.read_text(encoding="utf-8"), path).body
    kept = [part for part in parts if not (isinstance(part, ast.FunctionDef) and part.name in without)]
    for node in (node for part in kept for node in ast.walk(part)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` and `from module import name` look alike: try both.
            found.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return frozenset(found)
