"""Versions, as locked, of the packages that files import: with another version, what a package made is made again."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from program.imports import top_level_imports

LOCK = Path(__file__).parents[3] / "envs" / "main.txt"
# Packages that are not installed under the name by which they are imported.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "google": "protobuf",
    "pytriton": "nvidia-pytriton",
    "tensorrt_rtx_bindings": "tensorrt-rtx-cu13-bindings",
    "yaml": "pyyaml",
}
# Progress bars and checks: no result depends on their version.
WITHOUT_EFFECT = {"jsonschema", "tqdm"}


def pins(text: str) -> dict[str, str]:
    """Version of every package in the text of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))


@cache
def locked() -> dict[str, str]:
    """Version of every package in the project's lock."""
    return pins(LOCK.read_text(encoding="utf-8"))


def versions(files: Iterable[Path], others: Iterable[str] = (), imports: Iterable[str] = ()) -> dict[str, str]:
    """Versions of the packages that `files` import, of `imports` and of `others`, by their names in the lock.

    What the lock does not have (the standard library, the project's modules) is left out.
    """
    imported = {name for path in files for name in top_level_imports(path)}.union(imports)
    names = {DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in imported}
    return {name: locked()[name] for name in sorted({*names, *others} - WITHOUT_EFFECT) if name in locked()}
