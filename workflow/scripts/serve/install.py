"""The files of Triton and perf_analyzer, and the environment that they need.

`bundled` is the server inside the nvidia-pytriton wheel (Python backend only). The wheel has its libraries, and
perf_analyzer's, under mangled names, so a directory gets links with the plain names. `native` is a full Triton: the
tritonserver in PATH, as in NVIDIA's container.
"""

import os
import re
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from program.cli import UserError
from program.environment import for_children

# Where the packages that a native backend links have their libraries.
ENGINE_LIBRARIES = {"openvino": "libs", "torch": "lib"}


@dataclass(frozen=True)
class Install:
    """A Triton server ready to start: its binary, the directory of its backends, its environment."""

    binary: Path
    backend_directory: Path
    env: dict[str, str]


def bundled(directory: Path) -> Install:
    """The server of the nvidia-pytriton wheel, laid out in `directory` with symbolic links.

    Raises UserError if the wheel, its stub for this Python, or a shared libpython is missing.
    """
    wheel = _pytriton()
    server = wheel / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.exists():
        raise UserError(
            f"the bundled Triton has no Python backend stub for Python {version}.",
            "use Python 3.11 or 3.12: rm -rf .venv, then make PYTHON=3.11 perf_report",
        )
    python = directory / "backends" / "python"
    python.mkdir(parents=True)
    for part in [*(server / "backends" / "python").iterdir(), stub]:
        (python / part.name).symlink_to(part)
    libraries = [_libpython(directory), _libraries(wheel), *engine_libraries()]
    return Install(server / "bin" / "tritonserver", python.parent, _environment(libraries))


def native(directory: Path) -> Install:
    """The tritonserver in PATH and the backends beside it; a link to libpython goes to `directory`.

    Raises UserError as `require_native` does, and if a shared libpython is missing.
    """
    binary, backends = require_native()
    return Install(binary, backends, _environment([_libpython(directory), *engine_libraries()]))


def require_native() -> tuple[Path, Path]:
    """The tritonserver in PATH and the directory of its backends.

    Raises UserError if there is none, or if its Python backend needs another Python version.
    """
    binary = shutil.which("tritonserver")
    if binary is None:
        raise UserError(
            "server: native, but tritonserver is not in PATH.",
            "install Triton, or add --sdm conda apptainer for serving.image, or set server to bundled",
        )
    backends = Path(binary).resolve().parents[1] / "backends"
    if not backends.is_dir():
        raise UserError(f"{binary} has no backends in {backends}.", "see Triton's documentation of --backend-directory")
    stub = backends / "python" / "triton_python_backend_stub"
    needed = re.search(rb"libpython(\d+\.\d+)", stub.read_bytes()) if stub.exists() else None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if needed and needed[1].decode() != version:
        raise UserError(
            f"the Python backend of {binary} is for Python {needed[1].decode()}, this is {version}.",
            f"make distclean, then make PYTHON={needed[1].decode()} perf_report",
        )
    return Path(binary), backends


def engine_libraries() -> list[Path]:
    """The directories of OpenVINO's and PyTorch's libraries, which the native backends link, of those installed."""
    found = [(find_spec(package), directory) for package, directory in ENGINE_LIBRARIES.items()]
    return [Path(spec.origin).parent / directory for spec, directory in found if spec and spec.origin]


def pytriton_environment(directory: Path) -> dict[str, str]:
    """The environment of a PyTriton server, with a link to this Python's libpython in `directory`."""
    return _environment([_libpython(directory)])


def perf_analyzer(directory: Path) -> tuple[Path, dict[str, str]]:
    """The perf_analyzer of the tritonclient wheel and its environment; links go to `directory`."""
    binary = Path(sys.executable).parent / "perf_analyzer"
    if not binary.exists():
        raise UserError(f"{binary} is missing.", "make sync installs it with tritonclient")
    libraries = _libraries(_pytriton())
    links = directory / "perf_analyzer_libraries"
    links.mkdir()
    for plain, mangled in {"libb64.so.0d": "libb64-*.so.0d", "libcudart.so.12": "libcudart-*.so.12.*"}.items():
        (links / plain).symlink_to(next(libraries.glob(mangled)))
    return binary, _environment([links])


def _pytriton() -> Path:
    spec = find_spec("pytriton")
    if spec is None or spec.origin is None:
        raise UserError("the package nvidia-pytriton is not installed.", "make sync")
    return Path(spec.origin).parent


def _libraries(wheel: Path) -> Path:
    return wheel.parent / "nvidia_pytriton.libs"


def _libpython(directory: Path) -> Path:
    """A new directory in `directory` that has only a link to this interpreter's libpython, for the stub to load.

    The system's directory would do that too, but it would also give PyTorch the system's cuDNN instead of its own.
    """
    installed = sysconfig.get_config_var("LIBDIR") or ""
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    for candidate in (Path(installed), Path(installed) / (sysconfig.get_config_var("MULTIARCH") or "")):
        if (candidate / name).exists():
            links = directory / "libpython"
            links.mkdir(parents=True)
            (links / name).symlink_to(candidate / name)
            return links
    raise UserError(
        f"{name}, which Triton's Python backend needs, is not in {installed}.",
        "install it (Debian: apt-get install libpython3-dev) or use a Python built with --enable-shared",
    )


def _environment(libraries: list[Path]) -> dict[str, str]:
    """What a program takes over from this process, with `libraries` first in LD_LIBRARY_PATH."""
    given = os.environ.get("LD_LIBRARY_PATH", "")
    paths = [str(path) for path in libraries] + ([given] if given else [])
    return for_children() | {"LD_LIBRARY_PATH": ":".join(paths)}
