"""What a run shows in the terminal: progress, and at its end the verdict. Included before anything that Snakemake tells."""

import os
import sys
from pathlib import Path

from snakemake.sourcecache import LocalSourceFile

# The scripts, and what they import, are read where the Snakefile lies.
if not isinstance(workflow.current_basedir, LocalSourceFile):
    sys.exit(
        "github(), gitlab() and git+file: bring the Snakefile of this workflow without its scripts. "
        "Hint: clone it and name its Snakefile by path (docs/your-model.md, In a Snakefile of your own)"
    )
PROJECT = Path(workflow.current_basedir).parent
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from plan import snakemake_internals
from plan.configured import mapping
from plan.interrupts import stop_when_interrupted
from plan.progress import Progress
from program.cli import UserError

stop_when_interrupted()
progress = Progress() if snakemake_internals.shows_progress(workflow, PROJECT) else None
if progress:
    snakemake_internals.replace_terminal_handler(workflow, progress)
# Elsewhere (-s, --directory) the project's own configuration holds, if that directory has none.
COMPLETE = (
    "config/config.yaml" if Path("config/config.yaml").exists() else os.path.relpath(PROJECT / "config/config.yaml")
)
# Snakemake takes the last of two keys with the same name, and has no words for what it cannot read.
try:
    for name in [COMPLETE, *snakemake_internals.overlays(workflow)]:
        mapping(Path(name))
except UserError as error:
    sys.exit(str(error))
