"""Settings of stage train."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Train:
    """`train` of the config but its bound, and `model.arguments`."""

    arguments: dict[str, Any]
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    threads: int


@dataclass(frozen=True)
class Accept:
    """The bound."""

    min_accuracy: float
