"""Packages that a model needs beyond the project's: asked for in a file, and pinned with hashes in a lock beside it.

They are installed into a directory of their own, named after what the lock adds to the project's: models that want
other versions do not meet, and nothing that keeps .venv to its own lock takes them away.
"""

import os
import re
import sys
from pathlib import Path

from plan.lock import locked, pins
from program.cli import UserError
from program.files import sha256_of

INSTALLED = Path(__file__).parents[3] / ".venv-requirements"
SYNC = "make sync with the same CONFIG=path/to/overlay.yaml"


def lock_of(requirements: Path) -> Path:
    """Where the lock of requirements lies."""
    return requirements.with_name(f"{requirements.name}.lock")


def header(requirements: Path) -> str:
    """The first line of their lock, which says what it pins: comments and the order of lines aside."""
    lines = {line.partition("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines()}
    return f"# requirements: sha256:{sha256_of(chr(10).join(sorted(lines - {''})).encode())}\n"


def is_locked(requirements: Path) -> bool:
    """Whether there is a lock of these requirements, which agrees with the project's own."""
    lock = lock_of(requirements)
    if not lock.is_file():
        return False
    text = lock.read_text(encoding="utf-8")
    same = all(locked().get(name, version) == version for name, version in pins(text).items())
    return same and text.startswith(header(requirements))


def added(lock: Path) -> str:
    """What a lock pins that the project's own does not, with its hashes."""
    entries = re.findall(r"^[^\s#].*\n(?:\s.*\n)*", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return "".join(entry for entry in entries if not pins(entry).keys() & locked().keys())


def directory(lock: Path) -> Path:
    """Where what a lock adds is installed for this Python."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return INSTALLED / f"{version}-{sha256_of(added(lock).encode())[:16]}"


def add_to_path(requirements: str, root: Path) -> None:
    """Let this process, and those that it starts, find the packages. `requirements`: a path from `root`, or empty."""
    if requirements and (place := str(directory(lock_of(root / requirements)))) not in sys.path:
        sys.path.append(place)
        os.environ["PYTHONPATH"] = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), place])


def require(requirements: str, root: Path) -> None:
    """Raises UserError when the packages are not installed. Arguments as for `add_to_path`."""
    lock = lock_of(root / requirements)
    if requirements and not (lock.is_file() and directory(lock).is_dir()):
        raise UserError(f"model.requirements: what {requirements} asks for is not installed.", f"{SYNC} installs it")


def use(requirements: str, root: Path) -> None:
    """The same as `require`, then `add_to_path`."""
    require(requirements, root)
    add_to_path(requirements, root)
