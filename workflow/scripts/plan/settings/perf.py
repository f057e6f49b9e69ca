"""Settings of stage perf."""

from dataclasses import dataclass

from model.signature import Signature, Tensor
from plan.loads import Grid, Load, Windows


@dataclass(frozen=True)
class Target:
    """A variant as a load asks it.

    name: of the served model; counted: of the one that computes, whose batches are counted. inputs: `model.inputs`, of
    which samples of other shapes are made up; none for raw samples.
    """

    name: str
    counted: str
    device: str
    model: Signature
    inputs: list[Tensor]


@dataclass(frozen=True)
class Sweep:
    """One repeat of a variant. slo_ms: of requests sent at a rate; max_foreign_cpu: cores that other processes use."""

    variant: str
    repeat: int
    server: str
    target: Target
    grid: Grid
    windows: Windows
    slo_ms: float | None
    max_foreign_cpu: float


@dataclass(frozen=True)
class Contestant:
    """A variant in head_to_head. own_server: whether it is a server of its own, as PyTriton's are; raw: whether it
    takes raw samples."""

    variant: str
    target: Target
    own_server: bool
    raw: bool


@dataclass(frozen=True)
class HeadToHead:
    """All variants in turns.

    until: half the width of the intervals of the verdict's ratios that is narrow enough, in per cent; up to
    `added_rounds` are added until then. baseline: the variant that the fastest is compared with, besides the second.
    """

    server: str
    contestants: list[Contestant]
    baseline: str
    load: Load
    windows: Windows
    rounds: int
    until: float | None
    added_rounds: int
    max_foreign_cpu: float


@dataclass(frozen=True)
class InProcess:
    """One repeat of a variant without a server. window_ms: in milliseconds."""

    variant: str
    repeat: int
    model: Signature
    shapes: list[str]
    batch_sizes: list[int]
    device: str
    window_ms: int
