"""What other processes do during a measurement is seen; what the job does itself is not."""

import json
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from conftest import SCRIPTS
from record import surroundings
from record.surroundings import ATTEMPTS, Surroundings, memory_mib, undisturbed

BUSY = [sys.executable, "-c", "print('busy', flush=True)\nwhile True: pass"]
# A measuring job: it looks at the machine while a child of its own is busy, if it is asked to.
JOB = f"""
import json, subprocess, sys, time
sys.path.insert(0, {str(SCRIPTS)!r})
from record.surroundings import watched
child = subprocess.Popen({BUSY!r}, stdout=subprocess.PIPE) if sys.argv[1] == "own" else None
if child:
    child.stdout.readline()
with watched() as found:
    time.sleep(1.5)
if child:
    child.kill()
    child.wait()
print(json.dumps(vars(found)))
"""


def seen(load: str) -> dict:
    """What a job sees that has a busy child (`own`) or none."""
    found = subprocess.run([sys.executable, "-c", JOB, load], capture_output=True, text=True, check=True)
    return json.loads(found.stdout)


@pytest.fixture
def busy() -> Iterator[None]:
    """A busy process outside of the job's tree, on a core of its own as far as there are two."""
    with subprocess.Popen(BUSY, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.kill()


def test_load_of_another_process_is_seen(busy):
    # Less than a core where more processes than cores are busy; an idle machine has next to none.
    assert seen("none")["foreign_cpu"] > 0.2


def test_load_of_own_children_is_not_counted():
    """Own and foreign load are no more than the machine has; were the child's counted, they would be."""
    before = psutil.cpu_times()
    found = seen("own")
    after = psutil.cpu_times()
    total = sum(getattr(after, name) - getattr(before, name) for name in ("user", "nice", "system"))
    # The job looks for 1.5 seconds; the child alone used most of a core of them.
    assert found["foreign_cpu"] * 1.5 < total - 0.5


def test_a_disturbed_measurement_is_made_again_and_then_marked(monkeypatch):
    loads = iter([9.0, 9.0, 0.0] + [9.0] * ATTEMPTS)

    class Watched:
        def __enter__(self) -> Surroundings:
            return Surroundings("2026-01-01T00:00:00+00:00", next(loads))

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(surroundings, "watched", Watched)
    points = iter(range(10))
    calm = undisturbed(lambda: {"throughput": next(points)}, 0.5)
    assert (calm["throughput"], calm["attempts"], calm["disturbed"]) == (2, 3, "")
    restless = undisturbed(lambda: {"throughput": next(points)}, 0.5)
    assert (restless["throughput"], restless["attempts"]) == (2 + ATTEMPTS, ATTEMPTS)
    assert restless["disturbed"] == "other processes used 9.0 cores meanwhile, in the last of 3 attempts"
    assert restless["job"] == calm["job"]


def test_memory_of_a_process_and_its_children():
    """50 MiB more in a child of a process are 50 MiB more of the process."""
    child = "x = bytearray(b'x') * (50 * 2**20); print(flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        found = memory_mib(process.pid)
        process.communicate("\n")
    assert 50 < found < 150
