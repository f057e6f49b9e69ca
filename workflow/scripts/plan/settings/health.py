"""Settings of stage health."""

from dataclasses import dataclass

from model.signature import Signature


@dataclass(frozen=True)
class Bounds:
    """What a variant must keep; samples: a number, or `all`."""

    min_accuracy: float
    max_abs_error: float
    min_agreement: float
    samples: int | str


@dataclass(frozen=True)
class HealthCheck:
    """name: of the served model. largest: the size of every axis beyond which a request must be refused.

    tolerances: what differs from `bounds` for single outputs, by name and key.
    """

    variant: str
    name: str
    server: str
    computes: bool
    model: Signature
    profile: dict[str, str]
    largest: dict[str, int]
    bounds: Bounds
    tolerances: dict[str, dict[str, float]]
