"""Ctrl-C for a program that another program, such as make, runs in the foreground."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminal() -> Iterator[None]:
    """Take the terminal from the program that started this one, so that Ctrl-C reaches only this one.

    Otherwise it also interrupts `make`, which then reports a clean stop as a failure. Inside the block Ctrl-C raises
    KeyboardInterrupt, even if a shell started this program in the background.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leader = os.getpgrp()
    if not sys.stdin.isatty() or leader == os.getpid() or os.tcgetpgrp(0) != leader:
        yield
        return
    # Without this, changing the terminal's owner from the background stops the process.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    try:
        yield
    finally:
        os.tcsetpgrp(0, leader)
