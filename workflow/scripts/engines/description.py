"""engine.json: what every engine says of itself, whatever compiled it (workflow/schemas/engine.schema.json).

It needs nothing but Python, because trtexec may run in a container that has no packages.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.layers import Layer
from model.shapes import Shapes
from program.files import sha256, write_json


@dataclass(frozen=True)
class Precision:
    """Asked for, and what the compiled engine computes in."""

    requested: str
    obtained: str


@dataclass(frozen=True)
class Engine:
    """One engine. `profiles` as the engine itself reports them; `build_seconds` without loading libraries.

    compute_capabilities: of the NVIDIA GPUs that it was built for, as `8.6`; none where it runs on CPU.
    layers: with what each computes in, where the backend tells.
    """

    backend: str
    target: str
    precision: Precision
    profiles: Sequence[Mapping[str, Shapes]]
    versions: Mapping[str, str]
    build_seconds: float
    compute_capabilities: Sequence[str] = ()
    layers: Sequence[Layer] = ()


def write(path: Path, engine: Engine, file: Path, source: Path, command: Sequence[str] = ()) -> None:
    """Write engine.json beside the engine `file`, which was built from `source` by `command`, or by this script."""
    record = {
        **asdict(engine),
        "file": file.name,
        "bytes": file.stat().st_size,
        "sha256": sha256(file),
        "source_sha256": sha256(source),
        "command": list(command) or ["python", *sys.argv],
    }
    write_json(path, record)
