"""Files that other rules wrote: read as this version of the workflow writes them, or refused by name."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from program.cli import UserError
from program.files import anew, read_json

_MEASURED = ("variant", "model", "server", "remarks", "accuracy", "samples", "protocols")
CHECKS = (*_MEASURED, "computes", "faults")
HEALTH = (*_MEASURED, "healthy", "reasons")
PARITY = ("samples", "tolerance", "exports")
# Of one case of either: a batch size or a shape.
CASE = ("max_abs_error", "max_rel_error", "agreement", "outputs")


def read_checks(path: Path) -> Any:
    """The content of a checks.json. Raises UserError when another version of the workflow wrote it."""
    content = _read(path, CHECKS)
    _require_cases(path, (found["parity"] for found in content["protocols"].values()))
    return content


def read_health(path: Path) -> Any:
    """The content of a health.json. Raises UserError when another version of the workflow wrote it."""
    content = _read(path, HEALTH)
    _require_cases(path, (found["parity"] for found in content["protocols"].values()))
    return content


def read_parity(path: Path) -> Any:
    """The content of a parity.json. Raises UserError when another version of the workflow wrote it."""
    content = _read(path, PARITY)
    _require_cases(path, content["exports"].values())
    return content


def require_same(path: Path, found: Iterable[str], wanted: Iterable[str]) -> None:
    """Raises UserError, which names the file, when it has other keys or columns than this version writes."""
    found, wanted = set(found), set(wanted)
    if found == wanted:
        return
    missing, unknown = sorted(wanted - found), sorted(found - wanted)
    parts = [f"{what} {', '.join(names)}" for what, names in (("lacks", missing), ("has", unknown)) if names]
    raise UserError(f"{path} was written by another version of the workflow: it {' and '.join(parts)}.", anew(path))


def _require_cases(path: Path, found: Iterable[Mapping[str, Any]]) -> None:
    for cases in found:
        for case in cases.values():
            require_same(path, case, CASE)


def _read(path: Path, keys: Iterable[str]) -> Any:
    content = read_json(path)
    require_same(path, content, keys)
    return content
