"""What the stages share: how a rule asks the plan for settings, code and its command line."""

import sys
from inspect import signature

from plan.command import command_line, log_options
from plan.loads import longest
from plan.workflow_plan import library, project_file
from program.typed import canonical
from serve.variants import BACKENDS, SERVER_PACKAGES


def ask(question):
    """A question to the plan, whose arguments are wildcards of the rule."""
    arguments = signature(question).parameters
    return lambda wildcards: question(**{name: wildcards[name] for name in arguments})


def given(question):
    """As ask(), for files that the workflow does not make.

    They stay where they are, as all that is named with local(). A storage provider holds what the workflow makes.
    """
    answer = ask(question)
    return lambda wildcards: local(answer(wildcards))


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
    return local(plan.config.compare.base)
