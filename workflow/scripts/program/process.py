"""Child processes that never outlive the script that started them."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# The signals that ask a script to end.
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What to do after one that was ended from outside: what was measured before is kept.
GOES_ON = "the same command goes on where it was"
_libc = ctypes.CDLL(None, use_errno=True)
# Reads the group, then until the script's end of the pipe closes; then the group has $1 tenths of a second to end.
_WATCH = """
read -r group || exit 0
read -r _
for _ in $(seq "$1"); do kill -s 0 -- "-$group" 2>/dev/null || exit 0; sleep 0.1; done
kill -s KILL -- "-$group"
"""


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to signal this process when its parent ends, even by SIGKILL (prctl(2))."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent ends, so that this process can wait for them (prctl(2))."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_descendants() -> None:
    """Kill what this process, and code that it ran, started and did not end; orphans too, once it has adopted them."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return
    import psutil

    left = psutil.Process().children(recursive=True)
    for one in left:
        with suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(left, timeout=5)


def ended(code: int) -> str:
    """In words, how a process ended, by its exit code as subprocess has it."""
    return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


@contextmanager
def child(
    command: Sequence[str | Path],
    output: IO[bytes],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    grace: float = 7.0,
    yielding: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in its own process group until the block ends; then stop the whole group.

    It stays in this session, because Linux may share a core between sessions and not between threads (sched_autogroup,
    sched(7)). `yielding`: its threads take no core from one that runs (SCHED_BATCH). `output` receives stdout and
    stderr. The group gets SIGTERM, then SIGKILL after `grace` seconds. If this process is killed, the kernel sends the
    child SIGTERM, and a watch kills the rest of the group after `grace` seconds, because a child that dies while it
    starts can leave children of its own.
    """
    parent = os.getpid()

    def begin() -> None:
        die_with_parent()
        # A parent that ended before the kernel knew of this wish sends no signal.
        if os.getppid() != parent:
            os._exit(1)
        if yielding:
            # A sandbox may forbid it, and a job that is idle already (chrt --idle) yields more.
            with suppress(PermissionError):
                os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    # The watch is there before the child: a script that is killed while the child starts leaves nothing behind.
    with _watch(grace) as group:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            process_group=0,
            preexec_fn=begin,
        )
        group.write(f"{process.pid}\n".encode())
        group.flush()
        try:
            yield process
        finally:
            # Hold further signals until the group is stopped.
            held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
            try:
                _stop(process, grace)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, held)


@contextmanager
def _watch(grace: float) -> Iterator[IO[bytes]]:
    """Where to write the process group that is to be killed if this process ends inside the block."""
    watch = subprocess.Popen(
        ["sh", "-c", _WATCH, "watch", str(round(10 * grace))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert watch.stdin is not None
    try:
        yield watch.stdin
    finally:
        watch.kill()
        watch.communicate()


def _stop(process: subprocess.Popen[bytes], grace: float) -> None:
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    # Members of the group may outlive its leader.
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
