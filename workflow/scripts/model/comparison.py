"""How far outputs are from the reference: every output, every element, every data type.

Floats are compared by error, with NaN and the infinities by their places; integers, booleans and strings by equality.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OutputDifference:
    """How far one output is from the reference.

    fault: why it cannot be compared at all (another shape or data type), empty when it can.
    max_abs_error: largest absolute difference of finite floats; max_rel_error: that, over the largest finite absolute
    value of the reference. None where the output holds no floats.
    misplaced: elements of which only one side is NaN, or the same infinity.
    equal: share of equal elements of an output of integers, booleans or strings; None of floats. Empty outputs are
    equal.
    agreement: share of samples whose largest score has the same place; None where the output is not class scores.
    """

    fault: str = ""
    max_abs_error: float | None = None
    max_rel_error: float | None = None
    misplaced: int = 0
    equal: float | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class Bounds:
    """What differences are allowed: largest errors of floats, smallest share of equal elements and equal answers."""

    max_abs_error: float = math.inf
    max_rel_error: float = math.inf
    min_agreement: float = 0.0


def compare(output: np.ndarray, expected: np.ndarray, scores: bool = False) -> OutputDifference:
    """The difference of one output from the reference; `scores`: whether it holds class scores, batch first."""
    if output.shape != expected.shape:
        return OutputDifference(fault=f"shape {list(output.shape)}, not {list(expected.shape)}")
    if _kind(output) != _kind(expected):
        return OutputDifference(fault=f"data type {output.dtype}, not {expected.dtype}")
    if _kind(expected) != "float":
        return OutputDifference(equal=float(np.mean(_text(output) == _text(expected))) if expected.size else 1.0)
    error, relative, misplaced = _float_difference(output.astype(np.float64), expected.astype(np.float64))
    return OutputDifference(
        max_abs_error=error,
        max_rel_error=relative,
        misplaced=misplaced,
        agreement=_agreement(output, expected) if scores else None,
    )


def faults(differences: Mapping[str, OutputDifference], bounds: Bounds) -> list[str]:
    """What exceeds the bounds, one sentence for each output and bound."""
    return [f"output {name}: {fault}" for name, found in differences.items() for fault in _faults(found, bounds)]


def largest_error(differences: Sequence[OutputDifference], relative: bool = False) -> float:
    """The largest error of some outputs, infinite where NaN or an infinity is misplaced; 0 without floats."""
    errors = [found.max_rel_error if relative else found.max_abs_error for found in differences]
    known = [math.inf if found.misplaced or found.fault else error for found, error in zip(differences, errors)]
    return max((error for error in known if error is not None), default=0.0)


def smallest_share(differences: Sequence[OutputDifference]) -> float | None:
    """The smallest share of equal elements or equal answers; None where no output has such a share."""
    shares = [share for found in differences for share in (found.equal, found.agreement) if share is not None]
    return min(shares, default=None)


def _faults(found: OutputDifference, bounds: Bounds) -> list[str]:
    if found.fault:
        return [found.fault]
    result = [f"{found.misplaced} elements differ in NaN or infinity"] if found.misplaced else []
    # Written so that NaN is a fault too.
    if found.max_abs_error is not None and not found.max_abs_error <= bounds.max_abs_error:
        result.append(f"max abs error {found.max_abs_error:.3g} > {bounds.max_abs_error:g}")
    if found.max_rel_error is not None and not found.max_rel_error <= bounds.max_rel_error:
        result.append(f"max rel error {found.max_rel_error:.3g} > {bounds.max_rel_error:g}")
    if found.equal is not None and found.equal < bounds.min_agreement:
        result.append(f"{found.equal:.4%} of the elements are equal, less than {bounds.min_agreement:.4%}")
    if found.agreement is not None and found.agreement < bounds.min_agreement:
        result.append(f"agreement {found.agreement:.4f} < {bounds.min_agreement:g}")
    return result


def _float_difference(output: np.ndarray, expected: np.ndarray) -> tuple[float, float, int]:
    """Largest absolute and relative error of finite elements, and how many NaN and infinities are misplaced."""
    finite = np.isfinite(output) & np.isfinite(expected)
    same = (output == expected) | (np.isnan(output) & np.isnan(expected))
    error = float(np.abs(output[finite] - expected[finite]).max(initial=0.0))
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    return error, error / scale if scale else error, int(np.count_nonzero(~finite & ~same))


def _agreement(output: np.ndarray, expected: np.ndarray) -> float:
    if not expected.size:
        return 1.0
    places = (array.reshape(len(array), -1).argmax(1) for array in (output, expected))
    return float(np.equal(*places).mean())


def _kind(array: np.ndarray) -> str:
    """`float`, `integer`, `bool` or `text`: Triton gives strings as objects."""
    return {"f": "float", "i": "integer", "u": "integer", "b": "bool"}.get(array.dtype.kind, "text")


def _text(array: np.ndarray) -> np.ndarray:
    """Strings as bytes, which is how Triton gives them; other arrays as they are."""
    if _kind(array) != "text":
        return array
    encoded = [one.encode() if isinstance(one, str) else bytes(one) for one in array.ravel().tolist()]
    return np.array(encoded, dtype=object).reshape(array.shape)
