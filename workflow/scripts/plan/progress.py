"""What a run shows in the terminal: a line for every finished job, and below them what runs now and how much is left.

Snakemake keeps its own log of everything, and every job its own.
"""

import csv
import logging
import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from plan.interrupts import INTERRUPTED
from plan.snakemake_internals import PlannedJob
from program.cli import CLEAR
from program.overdue import SIGNAL

# What Snakemake says of itself before the first job.
PREAMBLE = (
    *("Config file ", "Assuming unrestricted ", "Building DAG ", "Using shell: ", "Provided ", "Rules claiming "),
    *("Conda environments: ", "Singularity containers: "),
)
LOCKED = (
    "Another Snakemake runs in this directory, or was killed here. Hint: wait for it; if none runs, "
    ".venv/bin/snakemake --unlock, then run again"
)
# How Snakemake announces that; and what it says after a job has failed, which is told when it does.
_STOPS = "Terminating processes on user request"
_AFTER_FAILURE = (
    *("Exiting because a job execution failed", "RuleException:\nCalledProcessError"),
    "WorkflowError:\nAt least one job did not complete",
)
# How Snakemake says, just before the failure of a job, that a signal ended it; and what to do then.
_KILLED = re.compile(r"RuleException:\nCalledProcessError.* died with <Signals\.(\w+): ", re.DOTALL)
_AFTER_SIGNAL = {
    "SIGKILL": "out of memory? journalctl -k says so; free memory, or use fewer cores",
    "SIGTERM": "run the same command to go on",
    SIGNAL.name: "the model file calls a library that did not return within model.load_seconds",
}
_AFTER_CRASH = "a library crashed; the log says where, as far as it is known"
# How the Slurm plugin says that Slurm ended a job, which FAILED does not mean; and what to do then.
_BY_SLURM = re.compile(r"SLURM-job '(\d+)' failed, SLURM status is: '(?!FAILED)(\w+)'")
_AFTER_SLURM = {"TIMEOUT": "--retries 2 gives it more time", "OUT_OF_MEMORY": "--retries 2 gives it more memory"}


def _end(signal: str | None, said: str) -> str:
    """What ended a job from outside, and what to do; empty if nothing did. `said`: what its executor says."""
    if signal:
        return f" It was killed by {signal}. Hint: {_AFTER_SIGNAL.get(signal, _AFTER_CRASH)}."
    if found := _BY_SLURM.search(said):
        number, status = found.groups()
        hint = _AFTER_SLURM.get(status, "run the same command to go on")
        return f" Slurm ended its job {number}: {status}. Hint: {hint}."
    return ""


class Progress(logging.Handler):
    """Takes the place of Snakemake's own handler for the terminal."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        super().__init__()
        self._stream = stream
        self._live = stream.isatty()
        self._left: dict[int, PlannedJob] = {}
        self._running: dict[int, float] = {}
        self._failed: set[int] = set()
        # By the thread that tells of a job.
        self._signals: dict[int | None, str] = {}
        self._total = 0
        self._cores = 1
        self._began = time.monotonic()
        self._silent = False
        # Records come from several threads, and the last line is renewed by one more.
        self._turn = threading.RLock()

    def begin(self, jobs: Sequence[PlannedJob], cores: int) -> None:
        """The jobs of the run, before the first of them starts."""
        self._left = {job.number: job for job in jobs if job.message}
        self._total, self._cores, self._began = len(self._left), cores, time.monotonic()
        self._print(f"{self._total} jobs to do, {self._estimate() or 'no earlier run says how long'}")
        if self._live:
            threading.Thread(target=self._refresh, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Show what counts of a record of Snakemake's."""
        with self._turn:
            if not self._silent:
                self._take(record)

    def _take(self, record: logging.LogRecord) -> None:
        text, event = str(record.msg or ""), getattr(record, "event", None)
        if text.startswith(_STOPS):
            self._end(INTERRUPTED)
        elif event == LogEvent.JOB_INFO and record.__dict__["jobid"] in self._left:
            self._running[record.__dict__["jobid"]] = time.monotonic()
            self._status()
        elif event == LogEvent.JOB_FINISHED:
            self._finished(record.__dict__["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self._error(record.__dict__, self._signals.pop(record.thread, None))
        elif killed := _KILLED.match(text):
            self._signals[record.thread] = killed[1]
        elif text.startswith("LockException"):
            self._print(LOCKED)
        elif record.levelno >= logging.WARNING:
            if not text.startswith(_AFTER_FAILURE):
                self._print(text)
        elif event is None and not self._total and text and not text.startswith(PREAMBLE):
            self._print(text)

    def succeed(self, lines: Sequence[str]) -> None:
        """The last lines of a run."""
        self._end(f"Finished in {clock(time.monotonic() - self._began)}.", *lines)

    def _finished(self, number: int) -> None:
        job, started = self._left.pop(number, None), self._running.pop(number, None)
        if job is None:
            return
        seconds = time.monotonic() - (started or time.monotonic())
        done = f"[{self._total - len(self._left):{len(str(self._total))}}/{self._total}]"
        # Where the last line cannot be renewed, every line says how long it takes.
        self._print(f"{done} {job.message}, {clock(seconds)}{'' if self._live else f' ({self._times()})'}")

    def _error(self, job: dict[str, Any], signal: str | None) -> None:
        """Once for each job: Snakemake repeats all at its end. `signal`: what ended it, if one did."""
        number = job["jobid"]
        if number not in self._failed:
            self._failed.add(number)
            name = self._left[number].message if number in self._left else job["rule_name"]
            self._running.pop(number, None)
            self._print(f"Failed: {name}.{_end(signal, job['rule_msg'] or '')} See {', '.join(job['log'])}")

    def _times(self) -> str:
        """How long it took until now, and how long the rest will take."""
        elapsed = f"{clock(time.monotonic() - self._began)} elapsed"
        return ", ".join(filter(None, (elapsed, self._estimate())))

    def _estimate(self) -> str:
        """How long the rest will take, as far as earlier runs tell; empty if they tell nothing."""
        known = [number for number, job in self._left.items() if job.seconds is not None]
        if not known:
            return ""
        work = sum(self._work(number, self._left[number].seconds or 0) for number in known)
        done = sum(
            self._work(number, time.monotonic() - self._running[number]) for number in {*known} & {*self._running}
        )
        least = "about" if len(known) == len(self._left) else "at least"
        return f"{least} {clock((work - done) / self._cores)} left"

    def _work(self, number: int, seconds: float) -> float:
        """Seconds of cores that a job occupies in this time, at most those that it is expected to need."""
        job = self._left[number]
        return min(seconds, job.seconds or 0) * min(job.threads, self._cores)

    def _refresh(self) -> None:
        """Renew the last line every second."""
        while not self._silent:
            with self._turn:
                self._status()
            time.sleep(1)

    def _status(self) -> None:
        if self._live and not self._silent and self._running:
            names = ", ".join(self._left[number].message for number in self._running)
            self._write(f"{CLEAR}Now: {names[:60]} ({self._times()})")

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._write(f"{CLEAR if self._live else ''}{line}\n")
        self._status()

    def _write(self, text: str) -> None:
        """A terminal that was closed ends no run: Snakemake's log has all."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._silent = True

    def _end(self, *lines: str) -> None:
        self._running.clear()
        self._print(*lines)
        self._silent = True


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def expected(benchmark: Path | None) -> float | None:
    """Seconds that a job took in an earlier run, by Snakemake's benchmark: its own, else of the same job in other
    runs, else of other jobs of the rule. None if there is none.
    """
    if benchmark is None or "benchmarks" not in benchmark.parts:
        return None
    below = len(benchmark.parts) - benchmark.parts.index("benchmarks") - 1
    same = Path(*benchmark.parts[-below:])
    runs = benchmark.parents[below + 1]
    siblings = benchmark.parent.glob("*.tsv") if below > 1 else []
    for found in ([benchmark], runs.glob(f"*/benchmarks/{same}"), siblings):
        times = [_seconds(path) for path in found if path.is_file()]
        if known := [seconds for seconds in times if seconds is not None]:
            return fmean(known)
    return None


def _seconds(benchmark: Path) -> float | None:
    """The column `s` of the first row; None in a file that was touched or cut off."""
    with benchmark.open(newline="") as stream:
        row = next(csv.DictReader(stream, delimiter="\t"), {})
    try:
        return float(row["s"])
    except (KeyError, TypeError, ValueError):
        return None
