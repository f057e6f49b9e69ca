"""Rule backend: the native Triton backends, compiled from workflow/backends/native/ against the installed packages.

A library names those of OpenVINO and PyTorch, but not where they lie, so that a cached one serves other clones too:
who starts the server puts their directories into LD_LIBRARY_PATH (serve/install.py does; the log names them).
"""

import os
import shlex
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from program.cli import UserError, log
from program.files import whole_file
from program.job import run
from program.temporary import scratch
from serve import install

SOURCES = Path(__file__).parents[1] / "backends" / "native"
FLAGS = ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden"]
# What all backends have in common; engine_<name>.cpp comes to it.
COMMON = ["backend", "engine", "executor", "json", "model_config", "profile", "request", "tensor"]
# Compilers at work at a time: one of PyTorch's sources takes up to 1 GB.
JOBS = 2


ENGINES = ("null", "openvino", "aotinductor", "torchscript")


@dataclass(frozen=True)
class Job:
    """The libraries to make, and with which checks."""

    null: Annotated[Path | None, "output: the backend that computes nothing"] = None
    openvino: Annotated[Path | None, "output: that of OpenVINO"] = None
    aotinductor: Annotated[Path | None, "output: that of AOTInductor's packages"] = None
    torchscript: Annotated[Path | None, "output: that of TorchScript"] = None
    sanitize: Annotated[str, "sanitizers to build in, as -fsanitize takes them: for tests"] = ""


@dataclass(frozen=True)
class Engine:
    """What an engine's sources need besides the common ones."""

    sources: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    libraries: tuple[Path, ...] = ()


def engine(name: str) -> Engine:
    """What the engine of this name needs. Raises UserError when its package is not installed."""
    return {"null": Engine, "openvino": _openvino, "aotinductor": _torch, "torchscript": _torch}[name]()


def build(targets: dict[str, Path], sanitize: str) -> None:
    """Compile and link the backend of each engine. Raises UserError when there is no compiler or when it fails."""
    common = [*_compiler(), *FLAGS, *([f"-fsanitize={sanitize}", "-g", "-fno-omit-frame-pointer"] if sanitize else [])]
    engines = {name: engine(name) for name in targets}
    sources: dict[str, tuple[str, ...]] = dict.fromkeys(COMMON, ())
    for name, needed in engines.items():
        sources |= dict.fromkeys([*needed.sources, f"engine_{name}"], needed.flags)
    with scratch() as objects:
        with ThreadPoolExecutor(JOBS) as pool:
            # The slow ones first.
            slowest = sorted(sources.items(), key=lambda item: -len(item[1]))
            list(pool.map(lambda item: _compile(common, item[0], item[1], objects), slowest))
        for name, needed in engines.items():
            parts = [objects / f"{source}.o" for source in [*COMMON, *needed.sources, f"engine_{name}"]]
            _link(common, parts, needed, targets[name])


def _compile(common: list[str], source: str, flags: tuple[str, ...], objects: Path) -> None:
    start = time.perf_counter()
    _run([*common, *flags, "-c", str(SOURCES / f"{source}.cpp"), "-o", str(objects / f"{source}.o")], source)
    log.debug("%s.cpp: %.1f s", source, time.perf_counter() - start)


def _link(common: list[str], objects: list[Path], needed: Engine, target: Path) -> None:
    """Triton's own functions stay open: the server that loads the backend has them."""
    exports = f"-Wl,--version-script={SOURCES / 'exports.map'}"
    with whole_file(target) as temporary:
        command = [*common, "-shared", "-o", temporary, *objects, exports, "-Wl,--no-as-needed", *needed.libraries]
        _run([str(part) for part in command], target.name)


def _run(command: list[str], what: str) -> None:
    log.debug("%s", shlex.join(command))
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        log.debug("%s", found.stderr)
        errors = [line for line in found.stderr.splitlines() if "error" in line] or found.stderr.splitlines()
        reason = errors[0] if errors else f"exit code {found.returncode}"
        raise UserError(
            f"{what} does not compile: {reason}", "the log has all; a compiler for C++20 is g++ 11 or later"
        )


def _compiler() -> list[str]:
    """The C++ compiler: CXX, as for AOTInductor, or g++."""
    command = shlex.split(os.environ.get("CXX") or "g++")
    if shutil.which(command[0]) is None:
        raise UserError(
            f"there is no C++ compiler: {command[0]} is not in PATH.",
            "install g++ (Debian: apt-get install g++) or set CXX",
        )
    return command


def _openvino() -> Engine:
    package = _package("openvino")
    library = next((package / "libs").glob("libopenvino.so.*"))
    return Engine(flags=("-isystem", str(package / "include")), libraries=(library,))


def _torch() -> Engine:
    """PyTorch's headers and libraries, with those of CUDA where it was built for CUDA.

    The headers of the CUDA runtime lie in NVIDIA's package, those of its compiler in the package triton alone.
    """
    package = _package("torch")
    flags = ["-isystem", str(package / "include")]
    names = ["libtorch.so", "libtorch_cpu.so", "libc10.so"]
    sources = ["torch_engine"]
    if (package / "lib" / "libtorch_cuda.so").exists():
        flags.append("-DENDPOINTS_CUDA")
        for directory in [
            *package.parent.glob("nvidia/cu*/include"),
            package.parent / "triton/backends/nvidia/include",
        ]:
            flags += ["-isystem", str(directory)]
        names += ["libtorch_cuda.so", "libc10_cuda.so"]
        sources.append("torch_cuda")
    return Engine(tuple(sources), tuple(flags), tuple(package / "lib" / name for name in names))


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise UserError(f"the package {name} is not installed.", "make sync")
    return Path(spec.origin).parent


def main(job: Job) -> None:
    targets = {name: path for name in ENGINES if (path := getattr(job, name))}
    start = time.perf_counter()
    build(targets, job.sanitize)
    log.info("%s in %.1f s", ", ".join(path.name for path in targets.values()), time.perf_counter() - start)
    log.info("A server needs in its LD_LIBRARY_PATH: %s", ":".join(map(str, install.engine_libraries())))


if __name__ == "__main__":
    run(main, Job, __doc__)
