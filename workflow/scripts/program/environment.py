"""The environment variables of all jobs."""

import os
import sys
from pathlib import Path


def prepare_environment() -> None:
    """Let jobs find this environment's programs, also where it was not activated, and share the cores."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # An OpenMP thread that waits for work gives its core to the other jobs instead of spinning.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
