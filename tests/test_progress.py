"""What the terminal shows of a run: real runs, on a terminal and without one; and the estimate of what is left."""

import logging
import os
import pty
import re
import shutil
import signal
from io import StringIO, TextIOWrapper
from pathlib import Path

import psutil
import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from conftest import FULL, Project
from plan.interrupts import INTERRUPTED
from plan.outcome import outcome
from plan.progress import Progress, clock, expected
from plan.snakemake_internals import PlannedJob
from processes import Foreground, wait_for
from program.cli import CLEAR

TIME = r"\d+:\d\d"


@pytest.fixture(scope="module")
def project(finished_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished run in which the report and a sweep are to be made again."""
    return Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("progress") / "project"))


def spoil(project: Project) -> None:
    """A sweep is missing, and the report: Snakemake makes what is missing only for something that is to be made."""
    run = project.root / "artifacts" / "test"
    for path in (run / "perf" / "null" / "repeat-1" / "points.csv", run / "report" / "perf_report.html"):
        path.unlink(missing_ok=True)
    # Points that were measured are not measured again.
    shutil.rmtree(run / "points" / "null", ignore_errors=True)


@pytest.mark.slow
def test_a_run_on_a_terminal(project):
    spoil(project)
    command = project.command("--cores", "2", configfiles=(FULL,))
    with Foreground(command, project.root, terminal=True) as running:
        running.wait_for_output("Next: ")
        assert running.process.wait(60) == 0
    shown = running.output.split("\n")
    # What stays after the last line was renewed for the last time.
    stays = [line.rsplit(CLEAR, 1)[-1].rstrip() for line in shown if line.strip()]
    assert [re.sub(TIME, "TIME", line) for line in stays[1:7]] == [
        "3 jobs to do, about TIME left",
        "[1/3] Sweep of null, repeat 1, TIME",
        "[2/3] Provenance, TIME",
        "[3/3] Report, TIME",
        "Finished in TIME.",
        stays[6],
    ]
    assert re.search(rf"Now: Sweep of null, repeat 1 \({TIME} elapsed, about {TIME} left\)", running.output)
    assert stays[6].startswith("Verdict: ")
    assert stays[7] == "Report:  artifacts/test/report/perf_report.html"
    assert re.fullmatch(rf"Next:    make serve VARIANT=\w+ CONFIG={FULL}", stays[8])


@pytest.mark.slow
def test_a_run_without_a_terminal_and_what_the_logs_keep(project):
    spoil(project)
    found = project.snakemake("--cores", "2", configfiles=(FULL,))
    lines = found.stderr.splitlines()
    assert re.fullmatch(rf"\[1/3\] Sweep of null, repeat 1, {TIME} \({TIME} elapsed, about {TIME} left\)", lines[2])
    assert len(lines) == 9
    assert max(map(len, lines)) < 200
    assert CLEAR not in found.stderr
    log = max((project.root / ".snakemake" / "log").iterdir())
    assert "Reason: Missing output files" in log.read_text()


@pytest.mark.slow
def test_interrupt_is_one_line_and_the_same_command_goes_on(project):
    spoil(project)
    command = project.command("--cores", "2", configfiles=(FULL,))
    with Foreground(command, project.root, terminal=True) as running:
        running.wait_for_output("Now: Sweep of null")
        assert running.interrupt() != 0
    assert running.output.rsplit(CLEAR, 1)[-1].strip() == INTERRUPTED
    assert project.snakemake("--cores", "2", configfiles=(FULL,)).stderr.count("[3/3] Report") == 1


def test_nothing_to_do_is_said(project):
    found = project.snakemake("--cores", "2", configfiles=(FULL,))
    assert found.stderr.splitlines()[1:] == ["Nothing to be done (all requested files are present and up to date)."]


@pytest.mark.slow
def test_a_failed_job_is_told_once(project, tmp_path):
    overlay = tmp_path / "bad.yaml"
    overlay.write_text("train: {min_accuracy: 1.0}\n")
    found = project.snakemake(
        "--cores", "2", "artifacts/test/model/accepted.json", configfiles=(FULL, overlay), check=False
    )
    assert found.returncode == 1
    _, _, error, failed = found.stderr.splitlines()
    assert error.startswith("accept.py: error: accuracy 0.")
    assert failed == "Failed: Accuracy of the model. See artifacts/test/logs/accept.log"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (signal.SIGKILL, "out of memory? journalctl -k says so; free memory, or use fewer cores"),
        (signal.SIGSEGV, "a library crashed; the log says where, as far as it is known"),
    ],
)
def test_a_job_that_a_signal_ends_names_it(project, number, hint):
    spoil(project)
    log = project.root / "artifacts" / "test" / "logs" / "sweep" / "null-1.log"
    log.unlink()
    command = project.command("--cores", "2", configfiles=(FULL,))
    with Foreground(command, project.root, terminal=False) as running:
        wait_for(lambda: log.exists() and log.stat().st_size, "the sweep")
        (script,) = [one for one in psutil.Process(running.process.pid).children() if "sweep.py" in str(one.cmdline())]
        script.send_signal(number)
        running.wait_for_output("Failed: ")
        assert running.process.wait(60) == 1
    failed = running.output[running.output.index("Failed: ") :].splitlines()
    logs = "artifacts/test/logs/sweep/null-1.log, artifacts/test/logs/sweep/null-1.server.log"
    assert failed == [f"Failed: Sweep of null, repeat 1. It was killed by {number.name}. Hint: {hint}. See {logs}"]
    assert ("Fatal Python error: Segmentation fault" in log.read_text()) == (number == signal.SIGSEGV)


def job(number: int, seconds: float | None, threads: int = 1) -> PlannedJob:
    return PlannedJob("rule", {}, 0, False, number, f"job {number}", threads, seconds)


def record(event: LogEvent, **more: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": None, "levelno": logging.INFO, "event": event, **more})


def test_what_is_left_is_the_work_of_earlier_runs_over_the_cores():
    stream = StringIO()
    progress = Progress(stream)
    # Four threads have to do with the two cores that there are.
    progress.begin([job(1, 60), job(2, 100, threads=4), job(3, None)], cores=2)
    progress.emit(record(LogEvent.JOB_INFO, jobid=3))
    progress.emit(record(LogEvent.JOB_FINISHED, job_id=3))
    assert stream.getvalue().splitlines() == [
        "3 jobs to do, at least 2:10 left",
        "[1/3] job 3, 0:00 (0:00 elapsed, about 2:10 left)",
    ]


def test_a_closed_terminal_ends_no_run():
    """Not by the end of a job, nor by what is said when Ctrl-C stops them."""
    reading, writing = pty.openpty()
    with TextIOWrapper(os.fdopen(writing, "wb", buffering=0), write_through=True) as terminal:
        progress = Progress(terminal)
        os.close(reading)
        with pytest.raises(OSError, match="Input/output error"):
            os.write(writing, b"x")
        progress.begin([job(1, None), job(2, None)], cores=1)
        progress.emit(record(LogEvent.JOB_FINISHED, job_id=1))
        progress.emit(logging.makeLogRecord({"msg": "Terminating processes on user request", "levelno": logging.INFO}))


def test_what_a_job_took_is_looked_up_in_the_nearest_benchmark(tmp_path):
    def took(path: str, seconds: float) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")

    sweep = tmp_path / "now" / "benchmarks" / "sweep" / "null-2.tsv"
    assert expected(sweep) is None
    took("now/benchmarks/sweep/null-1.tsv", 8)
    assert expected(sweep) == 8
    took("before/benchmarks/sweep/null-2.tsv", 4)
    assert expected(sweep) == 4
    took("now/benchmarks/sweep/null-2.tsv", 2)
    assert expected(sweep) == 2
    assert expected(tmp_path / "now" / "benchmarks" / "parity.tsv") is None
    # Snakemake --touch leaves an empty one.
    sweep.write_text("")
    assert expected(sweep) == 4
    assert expected(None) is None


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (61.4, "1:01"), (3723, "1:02:03"), (-1, "0:00")])
def test_clock(seconds, shown):
    assert clock(seconds) == shown


def test_the_fastest_that_computes_is_offered(finished_run):
    """Not the ceiling, which is faster."""
    verdict, report, following = outcome(finished_run.root / "artifacts" / "test", ["a.yaml", "b.yaml"])
    assert len(verdict) > len("Verdict: ")
    assert Path(report.split()[1]).is_file()
    assert re.fullmatch(r"Next:    make serve VARIANT=(?!null)\w+ CONFIG='a.yaml b.yaml'", following)
