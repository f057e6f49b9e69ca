"""Rule backend: the native Triton backends, compiled from workflow/backends/native/ against the installed wheels.

Writes <name>/libtriton_<name>.so for each engine asked for, as a --backend-directory of Triton has it. The libraries of
OpenVINO and PyTorch are not named by path: whoever starts the server puts their directories, which --libraries prints,
into LD_LIBRARY_PATH. With --rpath the paths stand in the libraries instead, which ties them to this environment.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from program import cli
from program.cli import UserError, log
from program.files import whole_directory

SOURCES = Path(__file__).parents[1] / "backends" / "native"
PREFIX = "endpoints_"
FLAGS = ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden"]
# What all backends have in common; engine_<name>.cpp comes to it.
COMMON = ["backend", "engine", "executor", "json", "model_config", "profile", "request", "tensor"]
# Compilers at work at a time: one of PyTorch's sources takes up to 1 GB.
JOBS = 2


@dataclass(frozen=True)
class Engine:
    """What an engine's sources need besides the common ones."""

    sources: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    libraries: tuple[Path, ...] = ()

    @property
    def directories(self) -> list[Path]:
        """Where its libraries lie."""
        return sorted({library.parent for library in self.libraries})


def engine(name: str) -> Engine:
    """What the engine of this name needs. Raises UserError when its package is not installed."""
    return {"null": Engine, "openvino": _openvino, "aotinductor": _torch, "torchscript": _torch}[name]()


ENGINES = ("null", "openvino", "aotinductor", "torchscript")


def library_directories() -> list[Path]:
    """The directories that belong into the LD_LIBRARY_PATH of a server with these backends."""
    return sorted({directory for name in ENGINES for directory in engine(name).directories})


def build(names: list[str], output: Path, sanitize: str, rpath: bool) -> None:
    """Compile and link. Raises UserError when there is no compiler or when it fails."""
    compiler = _compiler()
    common = [*compiler, *FLAGS, *([f"-fsanitize={sanitize}", "-g", "-fno-omit-frame-pointer"] if sanitize else [])]
    engines = {name: engine(name) for name in names}
    sources: dict[str, tuple[str, ...]] = {}
    sources |= dict.fromkeys(COMMON, ())
    for name, needed in engines.items():
        sources |= dict.fromkeys([*needed.sources, f"engine_{name}"], needed.flags)
    with whole_directory(output) as directory:
        objects = directory / "objects"
        objects.mkdir()
        with ThreadPoolExecutor(JOBS) as pool:
            # The slow ones first.
            slowest = sorted(sources.items(), key=lambda item: -len(item[1]))
            list(pool.map(lambda item: _compile(common, item[0], item[1], objects), slowest))
        for name, needed in engines.items():
            parts = [objects / f"{source}.o" for source in [*COMMON, *needed.sources, f"engine_{name}"]]
            _link(common, PREFIX + name, parts, needed, directory, rpath)
        shutil.rmtree(objects)


def _compile(common: list[str], source: str, flags: tuple[str, ...], objects: Path) -> None:
    start = time.perf_counter()
    _run([*common, *flags, "-c", str(SOURCES / f"{source}.cpp"), "-o", str(objects / f"{source}.o")], source)
    log.debug("%s.cpp: %.1f s", source, time.perf_counter() - start)


def _link(common: list[str], name: str, objects: list[Path], needed: Engine, output: Path, rpath: bool) -> None:
    """Triton's own functions stay open: the server that loads the backend has them."""
    target = output / name / f"libtriton_{name}.so"
    target.parent.mkdir()
    paths = [f"-Wl,-rpath,{directory}" for directory in needed.directories] if rpath else []
    command = [*common, "-shared", "-o", target, *objects, f"-Wl,--version-script={SOURCES / 'exports.map'}"]
    _run([*map(str, command), "-Wl,--no-as-needed", *map(str, needed.libraries), *paths], name)


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
        raise UserError(f"the package {name} is not installed.", "make sync, or leave the engine out with --engines")
    return Path(spec.origin).parent


def main(options: argparse.Namespace) -> None:
    if options.libraries:
        print(":".join(map(str, library_directories())))
        return
    if options.output is None:
        raise UserError("--output is missing.", "name the directory that the backends go to")
    start = time.perf_counter()
    build(list(dict.fromkeys(options.engines)), options.output, options.sanitize, options.rpath)
    log.info("%s in %.1f s", ", ".join(PREFIX + name for name in options.engines), time.perf_counter() - start)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES), help="by default all")
    result.add_argument("--output", type=Path, help="output: a backend directory")
    result.add_argument("--sanitize", default="", help="sanitizers to build in, as -fsanitize takes them: for tests")
    result.add_argument("--rpath", action="store_true", help="let the backends find OpenVINO and PyTorch by themselves")
    result.add_argument("--libraries", action="store_true", help="print what belongs into LD_LIBRARY_PATH, and end")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
