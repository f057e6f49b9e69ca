"""Settings of stage health."""

from dataclasses import dataclass

from model.signature import Signature


@dataclass(frozen=True)
class Bounds:
    """What the answers of a variant must keep; None where that is not bounded."""

    min_accuracy: float
    min_agreement: float
    max_abs_error: float | None = None
    max_rel_error: float | None = None
    max_accuracy_loss: float | None = None


@dataclass(frozen=True)
class Judgement:
    """tolerances: what differs from `bounds` for single outputs, by name and key."""

    bounds: Bounds
    tolerances: dict[str, dict[str, float]]


@dataclass(frozen=True)
class HealthCheck:
    """name: of the served model. largest: the size of every axis beyond which a request must be refused. samples: a
    number, or `all`."""

    variant: str
    name: str
    server: str
    computes: bool
    model: Signature
    profile: dict[str, str]
    largest: dict[str, int]
    samples: int | str
