"""What all runs of the workflow begin with."""

import os
import signal
import sys
import threading
from pathlib import Path


def stop_on_hangup() -> None:
    """Let a closed terminal end Snakemake as Ctrl-C does, its lock removed, unless nohup says otherwise."""
    main = threading.current_thread() is threading.main_thread()  # no other may set a handler
    if main and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def prepare_environment() -> None:
    """Let jobs find this environment's programs, also where it was not activated, and share the cores."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # An OpenMP thread that waits for work gives its core to the other jobs instead of spinning.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
