"""engine.json: what an engine reports about itself (workflow/schemas/engine.schema.json).

This module needs only the standard library, because trtexec may run in a container without packages.
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
    """The requested precision, and the one in which the compiled engine computes."""

    requested: str
    obtained: str


@dataclass(frozen=True)
class Engine:
    """One engine. `profiles` are those that it reports itself; `build_seconds` excludes loading libraries.

    compute_capabilities: those of the NVIDIA GPUs that it was built for, as `8.6`; empty on CPU.
    layers: with the precision of each, if the backend reports them.
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
    """Write engine.json for the engine `file`, which `command` (by default this script) built from `source`."""
    record = {
        **asdict(engine),
        "file": file.name,
        "bytes": file.stat().st_size,
        "sha256": sha256(file),
        "source_sha256": sha256(source),
        "command": list(command) or ["python", *sys.argv],
    }
    write_json(path, record)
