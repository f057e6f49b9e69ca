"""How far outputs are from the reference: every output, every element, every data type.

Floats are compared by error, with NaN and the infinities by their places; integers, booleans and strings by equality.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from model.signature import Tensor

# Relative errors that rounding alone causes, by Triton's data type. FP16 has 11 significant bits and BF16 has 8: one
# rounding is off by up to 0.0005 and 0.004, and a layer that sums many rounded terms by some ten times that.
ROUNDING = {"FP16": 1e-2, "BF16": 5e-2}


@dataclass(frozen=True)
class OutputDifference:
    """How far one output is from the reference.

    fault: why it cannot be compared at all (another shape or data type), empty when it can.
    max_abs_error: largest absolute difference of finite floats; max_rel_error: that, over the largest finite absolute
    value of the reference. None where the output holds no floats.
    misplaced: elements of which only one side is NaN, or the same infinity.
    equal: share of equal elements of an output of integers, booleans or strings; None for floats. Empty outputs are
    equal.
    agreement: share of samples whose largest score has the same place; None where the output is not class scores.
    rounding: relative error that rounding alone causes in its data type; it is allowed where the bounds are tighter.
    """

    fault: str = ""
    max_abs_error: float | None = None
    max_rel_error: float | None = None
    misplaced: int = 0
    equal: float | None = None
    agreement: float | None = None
    rounding: float = 0.0


Differences = Mapping[str, OutputDifference]


@dataclass(frozen=True)
class Bounds:
    """What differences are allowed: largest errors of floats, smallest share of equal elements and equal answers."""

    max_abs_error: float = math.inf
    max_rel_error: float = math.inf
    min_agreement: float = 0.0


def differences(
    outputs: Sequence[np.ndarray], expected: Mapping[str, np.ndarray], tensors: Sequence[Tensor]
) -> Differences:
    """The difference of every output by name; `outputs`, `expected` and `tensors` have the same order."""
    pairs = zip(outputs, expected.values(), tensors, strict=True)
    return {tensor.name: compare(output, wanted, tensor.dtype, tensor.scores) for output, wanted, tensor in pairs}


def compare(output: np.ndarray, expected: np.ndarray, dtype: str = "", scores: bool = False) -> OutputDifference:
    """The difference of one output of Triton's data type; `scores`: whether it holds class scores, batch first."""
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
        rounding=ROUNDING.get(dtype, 0.0),
    )


def answers(output: np.ndarray) -> np.ndarray:
    """The answer of each sample [n]: the place of its largest score, or its own value where that is an integer."""
    flat = output.reshape(len(output), -1)
    return flat.argmax(1) if _kind(output) == "float" else flat[:, 0]


@dataclass(frozen=True)
class Paired:
    """On how many labelled samples the answers of a variant and of the reference are right, pair by pair.

    differing: samples with two different answers, right or wrong.
    """

    both: int
    variant_alone: int
    reference_alone: int
    neither: int
    differing: int

    @property
    def samples(self) -> int:
        return self.both + self.variant_alone + self.reference_alone + self.neither

    @property
    def accuracy(self) -> float:
        """The share of samples that the variant answers rightly."""
        return (self.both + self.variant_alone) / self.samples

    @property
    def loss(self) -> float:
        """How much lower that share is than the reference's; negative where it is higher."""
        return (self.reference_alone - self.variant_alone) / self.samples


def paired(output: np.ndarray, expected: np.ndarray, labels: np.ndarray) -> Paired:
    """The answers in an output against those of the reference, for labelled samples, batch first."""
    found, wanted = answers(output), answers(expected)
    right, known = found == labels, wanted == labels
    counts = (right & known, right & ~known, ~right & known, ~right & ~known, found != wanted)
    return Paired(*(int(np.count_nonzero(one)) for one in counts))


def faults(found: Differences, bounds: Bounds, own: Mapping[str, Mapping[str, float]] | None = None) -> list[str]:
    """What exceeds the bounds, one clause for each output and bound; `own`: other bounds by output and key."""
    return [
        f"output {name}: {fault}"
        for name, one in found.items()
        for fault in _faults(one, replace(bounds, **(own or {}).get(name, {})))
    ]


def record(found: Differences) -> dict[str, Any]:
    """The figures of every output by name (`outputs`), and the worst of them; None where they are not defined."""
    return {
        "max_abs_error": _largest(found, [one.max_abs_error for one in found.values()]),
        "max_rel_error": _largest(found, [one.max_rel_error for one in found.values()]),
        "agreement": _smallest_share(found.values()),
        "outputs": {name: asdict(one) for name, one in found.items()},
    }


def _largest(found: Differences, errors: Sequence[float | None]) -> float | None:
    """The largest of the errors; None without floats, and where NaN, an infinity or a shape is wrong."""
    if any(one.fault or one.misplaced for one in found.values()):
        return None
    return max((error for error in errors if error is not None), default=None)


def _smallest_share(found: Collection[OutputDifference]) -> float | None:
    """The smallest share of equal elements or equal answers; None where no output has such a share."""
    shares = [share for one in found for share in (one.equal, one.agreement) if share is not None]
    return min(shares, default=None)


def _faults(found: OutputDifference, bounds: Bounds) -> list[str]:
    if found.fault:
        return [found.fault]
    result = [f"elements that differ in NaN or infinity: {found.misplaced}"] if found.misplaced else []
    if found.max_abs_error is not None and found.max_rel_error is not None:
        rounded = found.max_rel_error <= found.rounding
        if found.max_abs_error > bounds.max_abs_error and not rounded:
            result.append(f"max abs error {found.max_abs_error:.3g} > {bounds.max_abs_error:g}")
        if found.max_rel_error > bounds.max_rel_error and not rounded:
            result.append(f"max rel error {found.max_rel_error:.3g} > {bounds.max_rel_error:g}")
    shares = {"share of equal elements": found.equal, "agreement": found.agreement}
    for name, share in shares.items():
        if share is not None and share < bounds.min_agreement:
            # Rounded down: what is not all must not read as 1.
            result.append(f"{name} {math.floor(share * 1e4) / 1e4:.4f} < {bounds.min_agreement:g}")
    return result


def _float_difference(output: np.ndarray, expected: np.ndarray) -> tuple[float, float, int]:
    """Largest absolute and relative error of finite elements, and how many NaN and infinities are misplaced."""
    finite = np.isfinite(output) & np.isfinite(expected)
    same = (output == expected) | (np.isnan(output) & np.isnan(expected))
    error = float(np.abs(output[finite] - expected[finite]).max(initial=0.0))
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0))
    return error, error / scale if scale else error, int(np.count_nonzero(~finite & ~same))


def _agreement(output: np.ndarray, expected: np.ndarray) -> float:
    return float((answers(output) == answers(expected)).mean()) if expected.size else 1.0


def _kind(array: np.ndarray) -> str:
    """`float`, `integer`, `bool` or `text`: Triton gives strings as objects."""
    return {"f": "float", "i": "integer", "u": "integer", "b": "bool"}.get(array.dtype.kind, "text")


def _text(array: np.ndarray) -> np.ndarray:
    """Strings as bytes, which is how Triton gives them; other arrays as they are."""
    if _kind(array) != "text":
        return array
    encoded = [one.encode() if isinstance(one, str) else bytes(one) for one in array.ravel().tolist()]
    return np.array(encoded, dtype=object).reshape(array.shape)
