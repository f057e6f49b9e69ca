"""The plan of the run, and what must hold before its first job."""

import os
import sys
from pathlib import Path
from shutil import rmtree

from snakemake.logging import logger

from model.source import LIMIT
from plan import machine, packages, snakemake_internals
from plan.config import checked
from plan.config.renamed import current
from plan.configured import placed
from plan.progress import expected
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan
from program.cli import UserError
from program.environment import prepare_run
from serve.variants import VARIANTS

prepare_run()

try:
    today, renamed_keys = current(placed(config, Path.cwd()))
    plan = Plan(checked(today, Path.cwd()), Path.cwd())
except UserError as error:
    sys.exit(str(error))

os.environ[LIMIT] = str(plan.config.model.load_seconds)
if snakemake_internals.plans_alone(workflow):
    for line in renamed_keys:
        print(line, file=sys.stderr)
packages.add_to_path(plan.config.model.requirements, plan.root)
settings = RuleSettings(plan)
# The directory of the run is that of the log. It is in no param, or runs of other names would not share a cache.
RUN = "log={log[0]:q}; run=${{log%%/logs/*}}; exec {params.command} --settings {params.settings:q}"
# For rules whose results are good on any machine, which Snakemake may take from a cache that several clones share
# (docs/reruns.md). They have no benchmark: what comes from a cache took no time, and Snakemake refuses the two together.
CACHE = snakemake_internals.has_cache(workflow)
# What a job that computes or serves asks of its machine, and the container that it runs in with --sdm apptainer.
GPU = int(plan.config.serving.device == "cuda")
GPUS = GPU * plan.config.serving.gpus
IMAGE = plan.config.serving.image if plan.config.server == "native" else None


onstart:
    snakemake_internals.end_when_asked(workflow)
    if not snakemake_internals.has_code(workflow):
        sys.exit(
            "--shared-fs-usage without input-output, which the executor kubernetes implies: jobs read their code in "
            "this clone. Hint: leave only storage-local-copies out of it (docs/cluster.md, A storage provider)"
        )
    # A measurement that is forced (-R, -F, --force) takes over nothing that was measured before.
    for wildcards in snakemake_internals.forced_jobs(workflow, "sweep"):
        rmtree(plan.store(**wildcards), ignore_errors=True)
    jobs = snakemake_internals.planned_jobs(workflow, expected)
    try:
        packages.require(plan.config.model.requirements, plan.root)
        # Jobs that are submitted find their GPU and their Triton elsewhere; a dry run needs none.
        if snakemake_internals.runs_here(workflow):
            machine.require(jobs, settings)
            for line in machine.warnings(jobs, settings):
                logger.warning(line)
    except UserError as error:
        sys.exit(str(error))
    if progress:
        progress.begin(jobs, snakemake_internals.cores(workflow) or 1)


wildcard_constraints:
    variant="|".join(VARIANTS),
    repeat=r"[1-9]\d*",
