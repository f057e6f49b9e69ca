"""What the machine does besides a measurement: the load of other processes, steal time, frequency; and memory.

Other processes are those that are neither this one nor its descendants. Their load is what all processes used, by
/proc/stat, less what these used. Interrupts are nobody's: a load over the network causes them itself.
"""

import platform
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil

# One measuring job: points are compared as pairs within one alone.
JOB = uuid.uuid4().hex
# Of a measurement that other processes disturb.
ATTEMPTS = 3
_MIB = 2**20


@dataclass
class Surroundings:
    """Of a block that has ended. started: in UTC, ISO 8601. foreign_cpu, steal: cores, on average. frequency: MHz, on
    average over the cores; None where the machine does not tell."""

    started: str = ""
    foreign_cpu: float = 0.0
    steal: float = 0.0
    frequency: float | None = None


@contextmanager
def watched() -> Iterator[Surroundings]:
    """What the machine does while the block runs; it is known when the block has ended."""
    found = Surroundings(started=datetime.now(UTC).isoformat(timespec="seconds"))
    frequencies: list[float] = []
    ended = threading.Event()
    reader = threading.Thread(target=_read_frequencies, args=(frequencies, ended), daemon=True)
    before, own, start = psutil.cpu_times(), _used(), time.monotonic()
    reader.start()
    try:
        yield found
    finally:
        ended.set()
        reader.join()
        after, seconds = psutil.cpu_times(), time.monotonic() - start
        busy = sum(getattr(after, name) - getattr(before, name) for name in ("user", "nice", "system"))
        found.foreign_cpu = max(0.0, round((busy - (_used() - own)) / seconds, 3))
        found.steal = round((after.steal - before.steal) / seconds, 3)
        found.frequency = round(fmean(frequencies)) if frequencies else None


def undisturbed(measure: Callable[[], dict[str, Any]], most: float) -> dict[str, Any]:
    """The point that `measure` gives, with its surroundings and the number of `attempts`.

    It is measured again while other processes use more than `most` cores, ATTEMPTS times at most. The last attempt
    counts; `disturbed` says so if they still do, and else is empty.
    """
    attempts, disturbed = 0, "not measured"
    while disturbed and attempts < ATTEMPTS:
        attempts += 1
        with watched() as found:
            point = measure()
        too_much = f"other processes used {found.foreign_cpu:.1f} cores meanwhile, in the last of {attempts} attempts"
        disturbed = too_much if found.foreign_cpu > most else ""
    of_job = {"attempts": attempts, "disturbed": disturbed, "job": JOB, "host": platform.node()}
    return {**point, **vars(found), **of_job}


def memory_mib(process: int) -> float:
    """The resident memory of a process and its descendants in MiB; what they share counts once.

    Where the kernel does not say what they share, it counts for each of them.
    """
    total = 0
    for one in _tree(process):
        with suppress(psutil.NoSuchProcess):
            try:
                total += one.memory_full_info().pss
            except psutil.AccessDenied:
                total += one.memory_info().rss
    return round(total / _MIB, 1)


def _tree(process: int | None = None) -> list[psutil.Process]:
    root = psutil.Process(process)
    return [root, *root.children(recursive=True)]


def _used() -> float:
    """Seconds of processor time of this process and its descendants, with those that they have waited for."""
    total = 0.0
    for one in _tree():
        with suppress(psutil.Error):
            total += sum(one.cpu_times()[:4])
    return total


def _read_frequencies(found: list[float], ended: threading.Event) -> None:
    """Append the mean frequency of the cores every second until the end."""
    while not ended.wait(1.0):
        if cores := re.findall(r"^cpu MHz\s*: ([\d.]+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
            found.append(fmean(map(float, cores)))
