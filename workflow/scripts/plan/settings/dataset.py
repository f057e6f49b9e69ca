"""Settings of stage dataset."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Dataset:
    """source: a name in DATASETS of the model file; options: the keys of `dataset` that it names there."""

    source: str | None
    options: dict[str, Any] = field(default_factory=dict)
