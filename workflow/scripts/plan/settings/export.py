"""Settings of stage export."""

from dataclasses import dataclass

from model.shapes import Shapes
from model.signature import Signature, Tensor


@dataclass(frozen=True)
class Export:
    """raw: `model.raw` where there are raw samples; shapes: of the inputs that are made up, batch first."""

    opset: int
    model: Signature
    raw: Signature | None
    shapes: list[Shapes]


@dataclass(frozen=True)
class ExportGiven:
    """shapes: of the inputs that are made up, batch first."""

    model: Signature
    shapes: list[Shapes]


@dataclass(frozen=True)
class Tolerance:
    """What an export may differ from PyTorch."""

    max_abs_error: float
    max_rel_error: float
    min_agreement: float


@dataclass(frozen=True)
class Parity:
    """outputs: `model.outputs`."""

    tolerance: Tolerance
    profile: dict[str, str]
    outputs: list[Tensor]
