"""A limit of time for code that may not come back to Python, where alone Python's own alarms are heard.

As a program: waits, and ends the process that started it, with all that this one started.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Nothing handles it, so that the kernel ends a process in the middle of a library.
SIGNAL = signal.SIGVTALRM


@contextmanager
def bounded(seconds: float, message: str) -> Iterator[None]:
    """End this process by SIGNAL, with `message` on stderr, when the block has not ended after `seconds`."""
    arguments = [sys.executable, "-P", __file__, str(os.getpid()), str(seconds), message]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as watch:
        try:
            yield
        finally:
            watch.kill()


def _watch(owner: int, seconds: float, message: str) -> None:
    # The owner's end closes the pipe, unless a copy of it has that too.
    if select.select([sys.stdin], [], [], seconds)[0] or os.getppid() != owner:
        return
    import psutil

    process = psutil.Process(owner)
    others = [one for one in process.children(recursive=True) if one.pid != os.getpid()]
    print(message, file=sys.stderr, flush=True)
    process.send_signal(SIGNAL)
    for one in others:
        with suppress(psutil.Error):
            one.kill()


if __name__ == "__main__":
    _watch(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
