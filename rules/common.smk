"""What the stages share: the plan of the run, and how a rule asks it for settings, code and its command line."""

import os
import sys
from inspect import signature
from pathlib import Path
from shutil import rmtree

from snakemake.logging import logger

from model.source import LIMIT
from plan import machine, packages, snakemake_internals
from plan.command import command_line, log_options
from plan.config import checked
from plan.config.renamed import current
from plan.configured import placed
from plan.loads import longest
from plan.progress import expected
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan, library, project_file
from program.cli import UserError
from program.environment import prepare_run, stop_on_hangup
from program.typed import canonical
from serve.variants import BACKENDS, SERVER_PACKAGES, VARIANTS

prepare_run()
stop_on_hangup()

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


def ask(question):
    """A question to the plan, whose arguments are wildcards of the rule."""
    arguments = signature(question).parameters
    return lambda wildcards: question(**{name: wildcards[name] for name in arguments})


def as_json(question):
    """Settings as one text: Snakemake compares params as an unordered set of their texts."""
    answer = ask(question)
    return lambda wildcards: canonical(answer(wildcards))


def libraries(*scripts, **more):
    """Versions of what scripts import, as one text; arguments as for Plan.libraries."""
    return canonical(plan.libraries(*scripts, **more))


def contents(rule):
    """One hash of a job's code, weights and all else that comes from outside of the workflow.

    What was changed may have an older time stamp than what was made of it (rsync, tar), and Snakemake looks only at the
    contents of newer files.
    """
    return lambda wildcards: plan.contents(snakemake_internals.inputs(workflow, rule, wildcards))


def command(rule, **more):
    """The command line of a rule, from its inputs, outputs and logs, and `more`, which may ask().

    It is not compared, because it depends on the input: where files are makes no difference.
    """

    def built(wildcards, input, output):
        logs = log_options(snakemake_internals.logs(workflow, rule, wildcards.items()))
        added = {name: value(wildcards) if callable(value) else value for name, value in more.items()}
        return command_line(plan.results, input.code[0], dict(input.items()), dict(output.items()), added, logs)

    return built


def all_cores(wildcards):
    """The threads of a job that measures: nothing runs beside it, whatever --cores is. On a cluster it has a node."""
    return snakemake_internals.cores(workflow) or 4


def growing(mem_mb):
    """Memory of a job, more with each attempt (--retries)."""
    return lambda wildcards, attempt: mem_mb * attempt


def minutes(wildcards, attempt):
    """The time that a sweep may take, by its number of points, in minutes; more with each attempt."""
    asked = settings.sweep(wildcards.variant, wildcards.repeat)
    return longest(len(asked.grid.loads), asked.windows) * attempt


def turn(wildcards):
    """The priority of a measurement: all variants take their first turn before any takes its second, so that a drift of
    the machine hits all alike; below the 1 of everything that prepares a measurement."""
    return 1 / (1 + int(wildcards.repeat))


def base_of_gate(wildcards):
    """The earlier run's figures; asked for when the gate is."""
    if not plan.config.compare.base:
        sys.exit("config: compare.base: empty. Hint: the perf_summary.json of the run that this one is compared with")
    return plan.config.compare.base
