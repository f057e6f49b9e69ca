"""Settings of stage perf."""

from dataclasses import dataclass

from model.signature import Signature, Tensor
from plan.loads import Load, Windows


@dataclass(frozen=True)
class Sweep:
    """One repeat of a variant.

    name: of the served model; counted: of the one that computes, whose batches are counted. inputs: `model.inputs`, of
    which samples of other shapes are made up; none for raw samples. slo_ms: of requests sent at a rate alone.
    """

    variant: str
    repeat: int
    name: str
    counted: str
    server: str
    device: str
    model: Signature
    inputs: list[Tensor]
    loads: list[Load]
    windows: Windows
    slo_ms: float | None


@dataclass(frozen=True)
class InProcess:
    """One repeat of a variant without a server. window_ms: in milliseconds."""

    variant: str
    repeat: int
    model: Signature
    shapes: list[str]
    batch_sizes: list[int]
    threads: int | str
    instances: int
    device: str
    window_ms: int
