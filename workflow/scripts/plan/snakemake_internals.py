"""What this workflow reads of Snakemake that Snakemake does not document, in one place (tests/test_plan.py)."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PlannedJob:
    """A job that is about to run.

    gpus: how many it asks for. contained: whether it runs in a container. seconds: what it took before, if known.
    message: what it is, for people; empty for a rule that only names others.
    """

    rule: str
    wildcards: Mapping[str, str]
    gpus: int
    contained: bool
    number: int
    message: str
    threads: int
    seconds: float | None


def runs_here(workflow: Any) -> bool:
    """Whether jobs run on this machine; those that are submitted find their GPU and their Triton elsewhere."""
    return bool(workflow.local_exec)


def cores(workflow: Any) -> int | None:
    """The cores of a run on this machine; None where jobs are submitted, and where nothing is run."""
    return workflow.resource_settings.cores if workflow.executor_plugin is None or runs_here(workflow) else None


def forced_jobs(workflow: Any, rule: str) -> list[dict[str, str]]:
    """The wildcards of the jobs of a rule that run because they were asked to, whatever they depend on."""
    jobs = [job for job in workflow.dag.needrun_jobs() if job.rule.name == rule]
    return [dict(job.wildcards_dict) for job in jobs if workflow.dag.reason(job).forced]


def has_cache(workflow: Any) -> bool:
    """Whether Snakemake was asked for a cache of outputs that several clones share."""
    return workflow.workflow_settings.cache is not None


def shows_progress(workflow: Any, project: Path) -> bool:
    """Whether the terminal will show a run of the project's own Snakefile, with no other output asked for."""
    said = workflow.output_settings
    plain = not (said.dryrun or said.verbose or said.printshellcmds or said.debug_dag or said.quiet)
    own = Path(workflow.main_snakefile).resolve().parent == project.resolve()
    return plain and own and workflow.exec_mode.name == "DEFAULT"


def replace_terminal_handler(workflow: Any, handler: logging.Handler) -> None:
    """Put `handler` in the place of the one with which Snakemake writes to the terminal; its log stays as it is."""
    logger = workflow.logger_manager.logger
    for one in [one for one in logger.handlers if one.name == "DefaultStreamHandler"]:
        logger.removeHandler(one)
        logger.addHandler(handler)


def overlays(workflow: Any) -> list[str]:
    """The configuration files of the command line."""
    return [os.path.relpath(path) for path in workflow.overwrite_configfiles or []]


def rules_of_run(workflow: Any) -> set[str]:
    """The rules of all jobs that the targets need, finished ones included; none where files are only touched."""
    return set() if workflow.touch else {job.rule.name for job in workflow.dag.jobs}


def planned_jobs(workflow: Any, expected: Callable[[Path | None], float | None] = lambda _: None) -> list[PlannedJob]:
    """The jobs that are about to run. `expected`: the seconds that a job takes, by its benchmark."""
    return [
        PlannedJob(
            job.rule.name,
            job.wildcards_dict,
            job.resources.get("gpu") or 0,
            job.container_img is not None,
            workflow.dag.jobid(job),
            job.message or "",
            job.threads,
            expected(job.benchmark and Path(job.benchmark)),
        )
        for job in workflow.dag.needrun_jobs()
    ]


def logs(workflow: Any, rule: str, wildcards: Any) -> list[tuple[str | None, str]]:
    """The names, None where there is none, and paths of the logs of a job."""
    return [(name, str(path)) for name, path in workflow.get_rule(rule).expand_log(dict(wildcards))._allitems()]


def finished_jobs(workflow: Any) -> list[dict[str, Any]]:
    """The jobs of a run that has ended, those of earlier runs included, as manifest.py takes them."""
    return [
        {
            "rule": job.rule.name,
            "command": job.shellcmd,
            "inputs": list(job.input),
            "outputs": list(job.output),
            "log": job.log[0],
        }
        for job in workflow.dag.jobs
        # Snakemake does not miss an intermediate file that was deleted.
        if job.output and all(map(os.path.exists, [*job.input, *job.output]))
    ]
