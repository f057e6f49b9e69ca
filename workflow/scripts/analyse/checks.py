"""What parity and the health checks found, over all cases."""

from collections.abc import Iterable
from typing import Literal

from analyse.contents import Health, Parity


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
