"""What parity and the health checks found, read from their files and over all cases."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Literal

from analyse.contents import Health, Parity
from program.cli import UserError
from program.files import read_json


def read_health(path: Path) -> Health:
    """One health/<variant>.json. Raises UserError for that of an earlier version."""
    found: Health = read_json(path)
    _refuse_earlier(path, checks(found), "healthcheck")
    return found


def read_parity(path: Path) -> dict[str, Any]:
    """parity.json. Raises UserError for that of an earlier version."""
    found: dict[str, Any] = read_json(path)
    _refuse_earlier(path, [one for cases in found["exports"].values() for one in cases.values()], "parity")
    return found


def checks(health: Health) -> list[Parity]:
    """The differences from the reference over all protocols, shapes and batch sizes."""
    return [one for found in health["protocols"].values() for one in found["parity"].values()]


def agreement(checked: Iterable[Parity]) -> float | None:
    """Smallest share of samples, or of elements, that a variant answers as the reference does, of all that was checked.

    None where no output is an answer: an audio signal has none.
    """
    shares = [one["agreement"] for one in checked]
    known = [share for share in shares if share is not None]
    return min(known) if len(known) == len(shares) else None


def largest(checked: Iterable[Parity], name: Literal["max_abs_error", "max_rel_error"]) -> float | None:
    """The largest error of all that was checked; None where one is not defined."""
    errors = [one[name] for one in checked]
    known = [error for error in errors if error is not None]
    return max(known) if len(known) == len(errors) else None


def _refuse_earlier(path: Path, found: Collection[Parity], rule: str) -> None:
    if not all("outputs" in one for one in found):
        hint = f"make it with this version: snakemake --forcerun {rule} with the targets of before"
        raise UserError(f"{path} is of an earlier version, without the figures of each output.", hint)
