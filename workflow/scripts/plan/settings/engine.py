"""Settings of stage engine."""

from dataclasses import dataclass

from engines.options import TensorRtOptions
from model.shapes import Shapes
from model.signature import Signature, Tensor


@dataclass(frozen=True)
class LowPrecision:
    """precision: `fp16` or `int8`."""

    precision: str


@dataclass(frozen=True)
class Quantize:
    """model: its inputs; shapes: of inputs to make up for it, batch first, where there is no data set."""

    model: Signature
    shapes: list[Shapes]


@dataclass(frozen=True)
class OpenVino:
    """precision: as `precisions` of the config names it."""

    profile: dict[str, str]
    precision: str


@dataclass(frozen=True)
class AotInductor:
    """inputs: `model.inputs`; device: `serving.device`; batching: `model.batching`; precision: in fp32 its own."""

    profile: dict[str, str]
    inputs: list[Tensor]
    device: str
    batching: bool = True
    precision: str = "fp32"


@dataclass(frozen=True)
class TensorRtRtx:
    """profiles: `profile` and `extra_profiles`; targets: compute capabilities as `sm_86`."""

    profiles: list[dict[str, str]]
    precision: str
    targets: list[str]


@dataclass(frozen=True)
class TensorRt:
    """profiles: `profile` and `extra_profiles`."""

    profiles: list[dict[str, str]]
    engine: TensorRtOptions
