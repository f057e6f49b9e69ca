"""What a run shows in the terminal: progress, and at its end the verdict. Included before anything that Snakemake tells."""

import os
import sys
from pathlib import Path

PROJECT = Path(workflow.current_basedir).parent
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from plan import snakemake_internals
from plan.configured import mapping
from plan.progress import Progress
from program.cli import UserError

progress = Progress() if snakemake_internals.shows_progress(workflow, PROJECT) else None
if progress:
    snakemake_internals.replace_terminal_handler(workflow, progress)
if not (Path("config/config.yaml").exists() or config or snakemake_internals.overlays(workflow)):
    sys.exit("config/config.yaml is not in this directory. Hint: run Snakemake in the clone, or see docs/your-model.md")
# Snakemake takes the last of two keys with the same name, and has no words for what it cannot read.
try:
    for name in [*filter(os.path.exists, ["config/config.yaml"]), *snakemake_internals.overlays(workflow)]:
        mapping(Path(name))
except UserError as error:
    sys.exit(str(error))
