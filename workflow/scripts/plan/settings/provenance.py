"""Settings of stage provenance."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """config: all of it, checked."""

    config: dict[str, Any]
