"""What a script imports, found by reading it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def project_imports(script: Path, root: Path, without: frozenset[str] = frozenset()) -> list[Path]:
    """The script, then every module below `root` that it imports, directly or through others, in order of name.

    `without`: functions of the script whose own imports do not count.
    """
    found: set[Path] = {script}
    waiting = [*_modules(script, root, without)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_modules(path, root))
    return [script, *sorted(found - {script})]


@cache
def top_level_imports(path: Path) -> frozenset[str]:
    """The packages that one file imports, installed or not."""
    return frozenset(name.partition(".")[0] for level, name in _names(path) if level == 0)


@cache
def _modules(path: Path, root: Path, without: frozenset[str] = frozenset()) -> frozenset[Path]:
    """Files of the modules, and of the packages around them, that one file imports from below `root`."""
    bases = set()
    for level, name in _names(path, without):
        # The parents[0] of a relative import is the file's own package.
        first, parts = path.parents[level - 1] if level else root, name.split(".")
        bases |= {first.joinpath(*parts[:length]) for length in range(1, len(parts) + 1)}
    return frozenset(one for base in bases for one in (base.with_suffix(".py"), base / "__init__.py") if one.is_file())


@cache
def _names(path: Path, without: frozenset[str] = frozenset()) -> frozenset[tuple[int, str]]:
    """What one file imports, dotted, each with the number of dots of a relative import before it."""
    found: set[tuple[int, str]] = set()
    for top in ast.parse(path.read_bytes(), path).body:
        if not (isinstance(top, ast.FunctionDef) and top.name in without):
            found.update(_imported(top))
    return frozenset(found)


def _imported(top: ast.stmt) -> Iterator[tuple[int, str]]:
    for node in _statements(top):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from package import module` and `from module import name` look alike: try both.
            prefix = f"{node.module}." if node.module else ""
            yield from (
                (node.level, name) for name in (node.module, *(f"{prefix}{a.name}" for a in node.names)) if name
            )


def _statements(top: ast.stmt) -> Iterator[ast.AST]:
    """A statement and all inside it, without their expressions, which are most of a file and import nothing."""
    waiting: list[ast.AST] = [top]
    while waiting:
        node = waiting.pop()
        yield node
        for block in ("body", "orelse", "handlers", "finalbody", "cases"):
            waiting.extend(getattr(node, block, ()))
