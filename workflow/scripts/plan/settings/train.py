"""Settings of stage train."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Train:
    """`train` of the config, and `model.arguments`."""

    arguments: dict[str, Any]
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    threads: int
    min_accuracy: float
