"""Temporary directories that do not outlive their owner for long: what a killed program left, the next one removes."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "endpoints_"
SHARED_MEMORY = Path("/dev/shm")
# Seconds after which a directory that nobody holds has been left: a new one is not locked yet.
_YOUNG = 60


@contextmanager
def scratch() -> Iterator[Path]:
    """A new directory until the block ends; then what in shared memory begins with its name is removed too.

    A lock on the directory, which the kernel releases, shows that its owner lives. What dead owners left is removed
    first.
    """
    remove_abandoned()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield directory
    finally:
        _remove(directory)
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the directories of this user that no living program holds, with their shared memory."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Another program may remove the same at this moment.
        with suppress(OSError):
            if _abandoned(directory):
                _remove(directory)


def _abandoned(directory: Path) -> bool:
    found = directory.lstat()
    if found.st_uid != os.getuid() or time.time() - found.st_mtime < _YOUNG:
        return False
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _remove(directory: Path) -> None:
    for region in SHARED_MEMORY.glob(f"{directory.name}*"):
        region.unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
