"""Settings of stage health."""

from dataclasses import dataclass

from model.signature import Signature


@dataclass(frozen=True)
class Bounds:
    """What the answers of a variant must keep."""

    min_accuracy: float
    max_abs_error: float
    min_agreement: float


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
