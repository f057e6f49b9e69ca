"""Keep one server with all variants under mixed load: is every good answer right, does it stay as large as it was?

Good clients ask every variant over both protocols and compare each answer with the reference, by the bounds of the
health check. Beside them others send what is malformed, give up before they are answered, or are killed in the middle
of a request. Memory (the server and its stubs; shared pages once) and open descriptors count as flat if their median
over the last third of the time is at most a tenth, and 32 MiB or 16 descriptors, above that of the middle third. Exits
with 0 if all of it holds, else with 2.
"""

import argparse
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from commands import soak_clients
from commands.serve import build
from commands.soak_clients import Asked, Wrong
from model import shapes
from model.reference import load
from plan.config import checked
from plan.configured import PROJECT, add_overlays, configured
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan
from program import cli
from program.cli import UserError, log
from record.surroundings import memory_mib
from serve import server
from serve.repository import together
from serve.variants import VARIANTS

# Threads of each kind of client.
CLIENTS: dict[Callable[..., None], int] = {
    soak_clients.good: 4,
    soak_clients.malformed: 2,
    soak_clients.cancelled: 2,
    soak_clients.killed: 1,
}
SAMPLES = 60  # of memory and descriptors
LINES = 10  # of progress
STUB = "triton_python_backend_stub"
# What may be more at the end: by share, and absolutely.
GROWTH = 0.1
SPARE = {"memory_mib": 32.0, "descriptors": 16.0}
SHOWN = 5  # of what went wrong


@dataclass(frozen=True)
class Size:
    """What the processes of a server have: memory in MiB, open descriptors, and the stubs by their ids."""

    memory_mib: float
    descriptors: int
    stubs: frozenset[int]


@dataclass
class Tally:
    """What clients report, from many threads."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, kind: str, wrong: str = "") -> None:
        with self.lock:
            self.counts[kind] += 1
            if wrong:
                self.wrong.append(f"{kind}: {wrong}")


def asked(config: dict, run: Path, variants: Sequence[str]) -> list[Asked]:
    """The variants as clients see them, with the samples that they are sent."""
    rules = RuleSettings(Plan(checked(config, PROJECT), PROJECT))
    found = []
    for variant in variants:
        promised, bounds = rules.healthcheck(variant), rules.judgement(variant)
        profile = {bound: shapes.parse(promised.profile[bound]) for bound in ("min", "max")}
        groups = load(run / "export" / ("reference_raw.npz" if VARIANTS[variant].raw else "reference.npz"))
        sizes = tuple(shapes.batch(shapes.stacked(one, promised.model.batching)) for one in profile.values())
        found.append(Asked(promised, bounds, groups[0].renamed(promised.model), sizes[0], sizes[1]))
    return found


def size(running: server.Server) -> Size:
    """The size of a server at this moment. Raises UserError when it has ended."""
    if (code := running.process.poll()) is not None:
        tail = server.tail(running.log_file)
        raise UserError(f"Triton ended with exit code {code}; its log is {running.log_file} and ends with:\n{tail}")
    leader = psutil.Process(running.process.pid)
    descriptors, stubs = 0, set()
    for one in [leader, *leader.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            if one.status() == psutil.STATUS_ZOMBIE:
                continue
            descriptors += one.num_fds()
            stubs |= {one.pid} if one.name() == STUB else set()
    return Size(memory_mib(leader.pid), descriptors, frozenset(stubs))


@contextmanager
def clients(running: server.Server, variants: Sequence[Asked], tally: Tally) -> Iterator[None]:
    """All clients, each in a thread, until the block ends."""
    ended = threading.Event()

    def work(step: Callable[..., None], number: int) -> None:
        draw = random.Random(f"{step.__name__} {number}")
        connections = soak_clients.Connections(running)
        while not ended.is_set():
            try:
                step(connections, draw.choice(variants), draw)
                tally.add(step.__name__)
            except Exception as error:  # Wrong, or of a client whose server has ended
                tally.add(step.__name__, str(error))
                # What is certain needs no thousand reports.
                ended.wait(0.5)
        # In the thread that made them.
        connections.close()

    threads = [
        threading.Thread(target=work, args=(step, number), daemon=True)
        for step, count in CLIENTS.items()
        for number in range(count)
    ]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        ended.set()
        for one in threads:
            one.join(soak_clients.PATIENCE)


def watched(running: server.Server, duration: float, tally: Tally) -> list[Size]:
    """The sizes of the server, at even intervals until the time is over. Raises UserError when it ends before."""
    start, found = time.monotonic(), [size(running)]
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, start + number * duration / SAMPLES - time.monotonic()))
        found.append(size(running))
        if number % (SAMPLES // LINES) == 0:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.counts.items()))
            log.info(
                "%.0f s: %s; %d wrong; %.0f MiB, %d descriptors",
                *(time.monotonic() - start, counts, len(tally.wrong), found[-1].memory_mib, found[-1].descriptors),
            )
    return found


def growths(sizes: Sequence[Size]) -> dict[str, tuple[float, float]]:
    """The medians of the middle and of the last third of the time; the first third warms up."""
    third = len(sizes) // 3
    parts = (sizes[third : 2 * third], sizes[2 * third :])
    return {name: tuple(statistics.median(getattr(one, name) for one in part) for part in parts) for name in SPARE}


def faults(sizes: Sequence[Size], tally: Tally) -> list[str]:
    """What did not hold, in words."""
    found = [f"{len(tally.wrong)} wrong: {'; '.join(tally.wrong[:SHOWN])}"] if tally.wrong else []
    for name, (before, after) in growths(sizes).items():
        if after > before * (1 + GROWTH) + SPARE[name]:
            found.append(f"{name} grew from {before:.0f} to {after:.0f}")
    if missing := {one for size in sizes for one in size.stubs} - sizes[-1].stubs:
        found.append(f"{len(missing)} stubs ended")
    return found + [f"no client was {step.__name__}" for step in CLIENTS if not tally.counts[step.__name__]]


def table(sizes: Sequence[Size], tally: Tally, duration: float) -> str:
    """The outcome, in lines."""
    rows = {f"clients: {step.__name__}": f"{tally.counts[step.__name__]:,} requests" for step in CLIENTS}
    rows |= {name: f"{before:.0f} → {after:.0f}" for name, (before, after) in growths(sizes).items()}
    rows |= {"stubs": str(len(sizes[-1].stubs)), "wrong": str(len(tally.wrong)), "seconds": f"{duration:.0f}"}
    return "\n".join(f"{name:20} {value}" for name, value in rows.items())


def soaked(running: server.Server, variants: Sequence[Asked], duration: float) -> tuple[list[Size], Tally]:
    """The load for some seconds, and each variant asked once more after it."""
    tally = Tally()
    with clients(running, variants, tally):
        sizes = watched(running, duration, tally)
    connections = soak_clients.Connections(running)
    for one in variants:
        try:
            soak_clients.good(connections, one, random.Random(0))
        except Wrong as error:
            tally.add("good", f"after the load: {error}")
    connections.close()
    return [*sizes, size(running)], tally


def main(options: argparse.Namespace) -> None:
    if options.duration < LINES:
        raise UserError(f"--duration {options.duration} is too short.", f"at least {LINES} seconds")
    config = configured(options.configfile)
    if config["model"]["state"]:
        raise UserError("the soak sends single requests, and model.state needs sequences.", "make perf_report")
    variants = [name for name in config["variants"] if VARIANTS[name].kind != "pytriton"]
    run = build(variants, options.configfile)
    log_file = run / "logs" / "soak.server.log"
    with together([run / "repository" / name for name in variants]) as repository:
        models = server.models(repository)
        with server.running(repository, models, log_file, kind=config["server"]) as running:
            log.info("%d variants for %d s; the log is %s", len(variants), options.duration, log_file)
            sizes, tally = soaked(running, asked(config, run, variants), options.duration)
    print(table(sizes, tally, options.duration))
    if found := faults(sizes, tally):
        raise UserError(f"{'; '.join(found)}.", f"see {log_file}")


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    add_overlays(result)
    result.add_argument("--duration", type=int, default=600, help="seconds (default: %(default)s)")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
