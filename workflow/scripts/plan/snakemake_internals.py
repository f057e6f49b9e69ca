"""What this workflow reads of Snakemake that Snakemake does not document, in one place (tests/test_plan.py)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PlannedJob:
    """A job that is about to run. contained: whether it runs in a container."""

    rule: str
    wildcards: Mapping[str, str]
    gpu: bool
    contained: bool


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


def planned_jobs(workflow: Any) -> list[PlannedJob]:
    """The jobs that are about to run."""
    return [
        PlannedJob(job.rule.name, job.wildcards_dict, bool(job.resources.get("gpu")), job.container_img is not None)
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
