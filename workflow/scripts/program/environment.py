"""The environment of a run, prepared when Snakemake starts."""

import os
import signal
import sys
import threading
from pathlib import Path


def stop_on_hangup() -> None:
    """Let a closed terminal end Snakemake like Ctrl-C, so that it removes its lock; nohup still prevents that."""
    main = threading.current_thread() is threading.main_thread()  # no other may set a handler
    if main and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def prepare_environment() -> None:
    """Let jobs find this environment's programs even if it is not activated, and share the cores."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # A waiting OpenMP thread sleeps and leaves its core to other jobs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # What a job says goes to its log, which a progress bar would fill.
    os.environ.setdefault("TQDM_DISABLE", "1")
