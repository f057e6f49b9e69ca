"""Settings of stage repository."""

from dataclasses import dataclass

from model.signature import Signature
from serve.serving import Serving


@dataclass(frozen=True)
class Repository:
    """name: of the served model; model: its inputs and outputs as clients see them.

    backend: the engine of workflow/backends/native/ that serves it, None for Triton's Python backend.
    """

    name: str
    model: Signature
    profile: dict[str, str]
    serving: Serving
    backend: str | None = None


@dataclass(frozen=True)
class NativeRepository:
    """backend: Triton's own; file: the name under which it expects the artifact."""

    name: str
    backend: str
    file: str
    model: Signature
    profile: dict[str, str]
    serving: Serving


@dataclass(frozen=True)
class Names:
    """The model's own names of its inputs and outputs, in order."""

    inputs: list[str]
    outputs: list[str]


@dataclass(frozen=True)
class PyTritonServing:
    """As Serving; PyTriton has one instance."""

    device: str
    threads: int | str
    max_queue_delay_us: int


@dataclass(frozen=True)
class PyTritonRepository:
    """runs: what the runtime calls the tensors that clients know by the names in `model`."""

    name: str
    model: Signature
    runs: Names
    profile: dict[str, str]
    serving: PyTritonServing


@dataclass(frozen=True)
class BlsRepository:
    """model: raw samples or encoded files in, answers out."""

    name: str
    model: Signature
    serving: Serving


@dataclass(frozen=True)
class EnsembleRepository:
    """model: raw samples in, answers out; min: `profile.min`."""

    name: str
    model: Signature
    min: str
    serving: Serving
