"""Temporary directories that do not outlive their owner for long: what a killed program left, the next one removes."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "endpoints_"
SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def scratch() -> Iterator[Path]:
    """A new directory until the block ends; then what in shared memory begins with its name is removed too.

    A lock on the directory, which the kernel releases, shows that its owner lives. What dead owners left is removed
    first.
    """
    remove_abandoned()
    directory, lock = _new()
    try:
        yield directory
    finally:
        _remove(directory)
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the directories of this user that no living program holds, with their shared memory."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Another program may remove the same at this moment.
        with suppress(OSError):
            _remove_abandoned(directory)


def _new() -> tuple[Path, int]:
    """A new directory and the descriptor of its lock. Before that is held, another program may remove the directory."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):
            lock = os.open(directory, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if directory.exists():
                return directory, lock
            os.close(lock)


def _remove_abandoned(directory: Path) -> None:
    if directory.lstat().st_uid != os.getuid():
        return
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(directory)
    finally:
        os.close(lock)


def _remove(directory: Path) -> None:
    for region in SHARED_MEMORY.glob(f"{directory.name}*"):
        region.unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
