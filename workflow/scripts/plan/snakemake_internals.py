"""What this workflow reads of Snakemake that Snakemake does not document, in one place (tests/test_plan.py)."""

import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

from snakemake.io import regex_from_filepattern
from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord
from snakemake.persistence.file import FilePersistence
from snakemake.settings.types import SharedFSUsage


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


def end_when_asked(workflow: Any) -> None:
    """Let SIGTERM end the run whatever Snakemake is doing; to be called when it starts.

    Its own handler waits for the scheduler's lock, for ever if the thread that it interrupts holds that (Snakemake 9):
    a thread of its own gets the lock when it is free.
    """
    end = workflow.scheduler.exit_gracefully
    if signal.getsignal(signal.SIGTERM) == end:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end).start())


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


def inputs(workflow: Any, rule: str, wildcards: Any) -> list[str]:
    """The paths of the inputs of a job that are no copies of what a storage provider holds."""
    return [str(path) for path in workflow.get_rule(rule).expand_input(wildcards)[0] if not path.is_storage]


def has_code(workflow: Any) -> bool:
    """Whether jobs see the clone. Snakemake keeps what has a local() input where it runs itself, if they do not."""
    return runs_here(workflow) or SharedFSUsage.INPUT_OUTPUT in workflow.storage_settings.shared_fs_usage


def storage(workflow: Any) -> str | None:
    """The prefix under which a storage provider holds the results; None where they are files here."""
    settings = workflow.storage_settings
    return None if settings.default_storage_provider is None else str(settings.default_storage_prefix or "")


def existing_outputs(workflow: Any, *directories: str) -> list[str]:
    """The outputs of all rules below some directories that are there."""
    found: set[str] = set()
    for pattern in (str(output) for rule in workflow.rules for output in rule.output):
        if pattern.startswith(directories):
            fits = re.compile(regex_from_filepattern(pattern)).match
            found.update(path for path in glob(re.sub(r"\{[^}]*\}", "*", pattern)) if fits(path))
    return sorted(found)


def plans_alone(workflow: Any) -> bool:
    """Whether this is the Snakemake that was called, and not one that it started for a job."""
    return bool(workflow.exec_mode.name == "DEFAULT")


class Records:
    """What Snakemake keeps in .snakemake/metadata of how outputs were made; as plan/origin.py takes it."""

    UNKNOWN = ("of unknown origin",)

    def __init__(self) -> None:
        self._kept = FilePersistence(nolock=True)

    def has(self, output: str) -> bool:
        """Whether it says how an output was made."""
        record = self._kept._read_record(output)
        return record is not None and tuple(record.params or ()) != self.UNKNOWN

    def restore(self, output: str, job: Mapping[str, Any]) -> None:
        """Say that a job made it, which is described as by finished_jobs and manifest.py."""
        self._write(
            output,
            rule=job["rule"],
            input=sorted(job["inputs"]),
            log=[job["log"]],
            shellcmd=job["command"],
            params=job["params"],
            code=job["code"],
            input_checksums={name: f"sha256:{found}" for name, found in job["inputs"].items()},
        )

    def disown(self, output: str) -> None:
        """Say that nobody knows: its params differ from any."""
        self._write(output, params=list(self.UNKNOWN))

    def _write(self, output: str, **fields: Any) -> None:
        record = MetadataRecord(record_format_version=RECORD_FORMAT_VERSION, incomplete=False, **fields)
        self._kept._write_record(output, record)


def finished_jobs(workflow: Any) -> list[dict[str, Any]]:
    """The jobs of a run that has ended, those of earlier runs included, as manifest.py takes them."""
    # It remembers what it read before the last jobs ended.
    workflow.persistence.deactivate_cache()
    return [
        {
            "rule": job.rule.name,
            "command": job.shellcmd,
            "inputs": list(job.input),
            "outputs": list(job.output),
            "log": job.log[0],
            **_recorded(workflow, job),
        }
        for job in workflow.dag.jobs
        # Snakemake does not miss an intermediate file that was deleted.
        if job.output and all(map(os.path.exists, [*job.input, *job.output]))
    ]


def _recorded(workflow: Any, job: Any) -> dict[str, Any]:
    """What Snakemake compares of a job besides its inputs, as it was when the job ran."""
    record = workflow.persistence.metadata(job.output[0])
    return {} if record is None else {"params": record.params, "code": record.code}
