"""What a script imports, found by reading it."""

import ast
from collections.abc import Iterable
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
    kept = _kept(parts, without) if without else parts
    for node in (node for part in kept for node in ast.walk(part)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import module` and `from module import name` look alike: try both.
            found.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return frozenset(found)


def _kept(parts: list[ast.stmt], without: Names) -> list[ast.stmt]:
    """What is left of a file without these functions: nor what they alone call, nor what only type checkers read."""
    kept = [part for part in parts if not ((_is_function(part) and _name(part) in without) or _for_checkers(part))]
    left_out = [part for part in parts if part not in kept]
    while orphans := [
        part
        for part in kept
        if _is_function(part)
        and _name(part) in _referred(left_out)
        and _name(part) not in _referred(one for one in kept if one is not part)
    ]:
        kept = [part for part in kept if part not in orphans]
        left_out += orphans
    return kept


def _is_function(part: ast.stmt) -> bool:
    return isinstance(part, ast.FunctionDef)


def _name(part: ast.stmt) -> str:
    return str(getattr(part, "name", ""))


def _referred(parts: Iterable[ast.stmt]) -> set[str]:
    """Names of the file that parts of it use; what a part assigns is its own."""
    found: set[str] = set()
    for part in parts:
        names = [node for node in ast.walk(part) if isinstance(node, ast.Name)]
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        found |= {node.id for node in names} - own - {node.arg for node in ast.walk(part) if isinstance(node, ast.arg)}
    return found


def _for_checkers(part: ast.stmt) -> bool:
    return isinstance(part, ast.If) and isinstance(part.test, ast.Name) and part.test.id == "TYPE_CHECKING"
