"""The NVIDIA GPUs of this machine, as nvidia-smi lists them: found without importing anything heavy."""

import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass

from program.cli import UserError

_QUERY = ["--query-gpu=name,compute_cap,memory.total,driver_version", "--format=csv,noheader,nounits"]
_TIMEOUT = 30.0  # seconds; a driver that hangs hangs nvidia-smi too


@dataclass(frozen=True)
class Gpu:
    """One GPU. `compute_capability` as `8.6`, as a `target` of engines `sm_86`; `memory_mib` in MiB."""

    name: str
    compute_capability: str
    memory_mib: int
    driver: str

    @property
    def target(self) -> str:
        return f"sm_{self.compute_capability.replace('.', '')}"


class NoGpu(Exception):
    """Why there is no usable NVIDIA GPU, in words that end a sentence."""


def gpus() -> list[Gpu]:
    """The GPUs of this machine, at least one. Raises NoGpu."""
    program = shutil.which("nvidia-smi")
    if program is None:
        raise NoGpu("nvidia-smi, which comes with NVIDIA's driver, is not in PATH")
    try:
        found = subprocess.run([program, *_QUERY], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise NoGpu(f"nvidia-smi has not answered within {_TIMEOUT:.0f} s") from None
    said = found.stdout.strip()
    if found.returncode != 0 or "No devices were found" in said or not said:
        words = (said or found.stderr.strip() or "it lists none").splitlines()
        raise NoGpu(f"nvidia-smi ended with exit code {found.returncode}: {words[0]}")
    return parse(said)


def parse(text: str) -> list[Gpu]:
    """What nvidia-smi prints for our query, one GPU a line."""
    rows = [[part.strip() for part in line.split(",")] for line in text.splitlines()]
    return [Gpu(name, capability, int(memory), driver) for name, capability, memory, driver in rows]


def require_gpus(jobs: Collection[str], count: int = 1) -> None:
    """Raises UserError when there are `jobs`, by their names, and this machine has fewer than `count` GPUs for them."""
    if not jobs:
        return
    try:
        found = gpus()
    except NoGpu as reason:
        raise UserError(
            f"{', '.join(sorted(jobs))} cannot run without an NVIDIA GPU, and this machine has none: {reason}.",
            "run where there is one, submit to one, or set serving.device to cpu and leave out tensorrt",
        ) from None
    if len(found) < count:
        what = f"config: serving.gpus: {count} asked for, but this machine has {len(found)}."
        raise UserError(what, f"set serving.gpus to at most {len(found)}")


def require_target(key: str, targets: Collection[str]) -> None:
    """Raises UserError when engines that are built for `targets`, which `key` names, do not run on the first GPU."""
    gpu = gpus()[0]
    if gpu.target not in targets:
        raise UserError(
            f"config: {key}: the {gpu.name} of this machine is {gpu.target}, not one of {', '.join(targets)}.",
            "add it where the engine can be built for it, or leave the engine's variants out of variants",
        )
