"""Ctrl-C for a program that runs in the foreground under another one."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminal() -> Iterator[None]:
    """Take the terminal from the program that started this one, so that Ctrl-C reaches this one alone.

    `make` would else be interrupted too, and call a clean stop a failure. Within the block Ctrl-C is KeyboardInterrupt,
    also where a shell that started this in the background had turned it off.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leader = os.getpgrp()
    if not sys.stdin.isatty() or leader == os.getpid() or os.tcgetpgrp(0) != leader:
        yield
        return
    # Changing the terminal's owner from the background would stop this process.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    try:
        yield
    finally:
        os.tcsetpgrp(0, leader)
