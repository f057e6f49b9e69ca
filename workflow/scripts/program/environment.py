"""What a program takes over from the shell that it was started in. Nothing else decides it."""

import os
import resource
import shlex
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from program.errors import UserError

# Says to what is started that the environment is prepared: the number of threads that Snakemake gives a job stays.
PREPARED = "TRITON_ENDPOINTS_PREPARED"
# Last in a list, where alone perf_analyzer finds an address.
LOOPBACK = ("localhost", "127.0.0.1")
# What changes other programs than the one that it was meant for: modules and libraries of another environment.
DROPPED = {"PYTHONPATH", "PYTHONHOME", "PYTHONINSPECT", "LD_PRELOAD", "LD_AUDIT", "BASH_ENV", "ENV"}
# Threads and their places, which the configuration decides. Some narrow the affinity by which cores are counted.
THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "NUMEXPR_", "VECLIB_")
# Bytes in the path of a Unix socket.
SOCKET = 107
# Open files that a server and its clients need, and as many as suffice for any load.
_FILES, _MANY_FILES = 512, 65536


def prepare_run() -> None:
    """As prepare_environment, for jobs: what they say goes to their logs, which a progress bar would fill."""
    prepare_environment()
    os.environ.setdefault("TQDM_DISABLE", "1")


def prepare_environment() -> None:
    """Make this process's environment the one that its children are to have; once, in the first program of several."""
    prepared = for_children()
    os.environ.clear()
    os.environ.update(prepared)


def for_children() -> dict[str, str]:
    """The environment of what this process starts: its own once that is prepared, which may have been added to."""
    return dict(os.environ) if PREPARED in os.environ else inherited(os.environ)


def inherited(shell: Mapping[str, str]) -> dict[str, str]:
    """What of a shell's environment a program takes over, and what it adds.

    This environment's programs are found even if it is not activated. Requests to this machine need no proxy. Messages
    are in one language, and text is UTF-8. There is a home and a user's name, which libraries ask for.
    """
    kept = {name: value for name, value in shell.items() if name not in DROPPED and not name.startswith(THREADS)}
    home = os.path.expanduser("~")
    user = kept.get("USER") or kept.get("LOGNAME") or f"uid{os.getuid()}"
    return {
        **{"HOME": home if home != "~" else tempfile.gettempdir(), "USER": user, "LOGNAME": user},
        **kept,
        **{name: _with_loopback(kept, name) for name in ("no_proxy", "NO_PROXY")},
        # gRPC's own, which would take the place of no_proxy.
        **({"no_grpc_proxy": _with_loopback(kept, "no_grpc_proxy")} if "no_grpc_proxy" in kept else {}),
        "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', os.defpath)}",
        "LC_ALL": "C.UTF-8",
        # A waiting OpenMP thread sleeps and leaves its core to others.
        "OMP_WAIT_POLICY": "PASSIVE",
        PREPARED: "1",
    }


def _with_loopback(env: Mapping[str, str], name: str) -> str:
    """The hosts of a variable, or of its twin in the other case, and this machine."""
    given = env.get(name) or env.get(name.swapcase(), "")
    return ",".join([*(one for one in given.split(",") if one and one not in LOOPBACK), *LOOPBACK])


def require_temporary() -> None:
    """Raises UserError where the directory for temporary files is none that Triton can start a model from."""
    try:
        directory = tempfile.gettempdir()
    except OSError as error:
        raise UserError("there is no directory for temporary files.", "export TMPDIR=path/to/one") from error
    if shlex.quote(directory) != directory:
        what = f"TMPDIR is {directory}, and Triton starts models by a shell that takes such a path apart."
        raise UserError(what, "export TMPDIR=/tmp")


def require_files() -> None:
    """Raise the limit of open files as far as it helps. Raises UserError where it is too low for a server then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < _FILES:
        raise UserError(f"this shell allows {wanted} open files, and a server needs {_FILES}.", "ulimit -n 1024")


def require_socket(path: Path) -> None:
    """Raises UserError where the path of a socket is too long for the kernel."""
    if len(os.fsencode(path)) > SOCKET:
        what = f"{path} is longer than a socket's path can be, {SOCKET} bytes."
        raise UserError(what, "export TMPDIR=/tmp, or shorten pytriton.name")
