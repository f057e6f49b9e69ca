"""Settings of stage export."""

from dataclasses import dataclass

from model.shapes import Shapes
from model.signature import Signature


@dataclass(frozen=True)
class Reference:
    """raw: `model.raw` where there are raw samples; shapes: of the inputs that are made up, batch first."""

    model: Signature
    raw: Signature | None
    shapes: list[Shapes]


@dataclass(frozen=True)
class Export:
    """opset: of the ONNX graph."""

    opset: int
    model: Signature


@dataclass(frozen=True)
class TorchScript:
    """batching: `model.batching`."""

    batching: bool


@dataclass(frozen=True)
class Tolerance:
    """What an export may differ from PyTorch."""

    max_abs_error: float
    max_rel_error: float
    min_agreement: float


@dataclass(frozen=True)
class Parity:
    """tolerances: what differs from `tolerance` for single outputs, by name and key."""

    tolerance: Tolerance
    tolerances: dict[str, dict[str, float]]
    profile: dict[str, str]
    model: Signature
