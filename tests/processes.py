"""Processes that a test starts and must find ended: marked in their environment, which their children inherit."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

MARK = "TRITON_ENDPOINTS_TEST"


def marked(mark: str) -> list[psutil.Process]:
    """The living processes that have the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def named(mark: str, name: str) -> list[psutil.Process]:
    """The living processes with the mark and this name, also as a script; they may end while they are looked at."""
    found = []
    for process in marked(mark):
        with suppress(psutil.Error):
            if name in (process.name(), *(Path(part).name for part in process.cmdline()[1:2])):
                found.append(process)
    return found


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 90) -> Any:
    """Wait until `condition` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)
    return found


def shown(processes: list[psutil.Process]) -> list[str]:
    """The command lines of those that still live."""
    found = []
    for process in processes:
        with suppress(psutil.Error):
            found.append(" ".join(process.cmdline())[:120])
    return found


class Foreground:
    """A program in the foreground of a terminal of its own, or without one; `with` ends all that it started."""

    def __init__(self, command: Sequence[str | Path], cwd: Path, terminal: bool) -> None:
        self.mark = uuid.uuid4().hex
        self.output = ""
        self._terminal = terminal
        self._reading, writing = pty.openpty() if terminal else os.pipe()

        def own_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        # The programs of this environment come first, as after `source .venv/bin/activate`.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=cwd,
            env=os.environ | {MARK: self.mark, "PATH": path, "PYTHONPATH": str(cwd / "workflow" / "scripts")},
            stdin=writing if terminal else subprocess.DEVNULL, stdout=writing, stderr=writing,
            start_new_session=True, preexec_fn=own_terminal if terminal else None,
        )  # fmt: skip
        os.close(writing)

    def __enter__(self) -> "Foreground":
        return self

    def __exit__(self, *_: object) -> None:
        for process in marked(self.mark):
            process.kill()
        self.process.wait(60)
        os.close(self._reading)

    def _read(self) -> bool:
        """Take what has been written within a second; False at the end."""
        if not select.select([self._reading], [], [], 1)[0]:
            return True
        try:
            data = os.read(self._reading, 65536)
        except OSError:  # what a terminal gives whose programs have ended
            return False
        self.output += data.decode().replace("\r\n", "\n")
        return bool(data)

    def wait_for_output(self, text: str, seconds: float = 240) -> None:
        """Read until `text` has been written."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self._read() or text in self.output, f"ended without {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"waited {seconds} s for {text!r}:\n{self.output}"

    def shared_memory(self) -> list[Path]:
        """What the running servers have in shared memory, by the prefix on their command lines."""
        lines = [" ".join(process.cmdline()) for process in named(self.mark, "tritonserver")]
        prefixes = [re.search(r"shm-region-prefix-name=(\S+)", line)[1] for line in lines]
        return [region for prefix in prefixes for region in Path("/dev/shm").glob(f"{prefix}*")]

    def stop_cleanly(self, python: bool = True) -> None:
        """Interrupt a program that serves: it ends with 0 and leaves no process and nothing in shared memory.

        `python`: whether a Python backend serves, which has regions there.
        """
        regions = self.shared_memory()
        assert bool(regions) == python
        assert self.interrupt() == 0, self.output
        assert shown(marked(self.mark)) == []
        assert [region for region in regions if region.exists()] == []
        assert "Traceback" not in self.output

    def interrupt(self) -> int:
        """Press Ctrl-C, or send what it sends where there is no terminal; returns the exit code of the program."""
        if self._terminal:
            os.write(self._reading, b"\x03")
        else:
            os.killpg(self.process.pid, signal.SIGINT)
        while self._read():
            pass
        return self.process.wait(60)
