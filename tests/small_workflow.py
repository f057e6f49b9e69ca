"""Snakemake over a Snakefile of a few lines."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from conftest import SCRIPTS


def run_snakemake(directory: Path, snakefile: str, target: str = "only") -> subprocess.CompletedProcess[str]:
    """Write the Snakefile and run it. It may import from workflow/scripts, and SIGINT interrupts it."""
    (directory / "Snakefile").write_text(snakefile)
    return subprocess.run(
        [Path(sys.executable).with_name("snakemake"), target, "--cores", "1", "--workflow-profile", "none"],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # Who started the tests may have ignored the signal, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
