"""Rule head_to_head: all variants in turns at one load, with the servers of all of them up.

Every round measures each variant once, in an order of its own, so that the turns of two variants lie seconds apart and
a drift of the machine hits both. Rounds that are added to know the verdict better have only those that decide it.
points.csv has one row per turn, raw/ perf_analyzer's own files. A variant that does not serve what it promises has no
turns.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated, Any

from tqdm import tqdm

from model.reference import load as load_reference
from model.samples import of_shape
from plan.settings.perf import Contestant, HeadToHead
from program.cli import log
from program.files import whole_directory
from program.job import run
from program.temporary import scratch
from record import inputs, turns
from record.measurement import warm_up
from record.points import HEAD_TO_HEAD_COLUMNS, write
from record.recorded import read_checks
from record.surroundings import undisturbed
from serve import server
from serve.repository import together

Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes.

    Repositories and checks are in the order of the contestants.
    """

    settings: HeadToHead
    repositories: Annotated[list[Path], "model repository of every variant"]
    checks: Annotated[list[Path], "checks.json of every variant"]
    reference: Annotated[Path, "reference.npz"]
    raw_reference: Annotated[Path | None, "reference_raw.npz, where a variant takes raw samples"]
    model_file: Annotated[Path | None, "model file, whose example may be asked for samples"]
    server_log: Annotated[Path, "output: Triton's log; those of PyTriton's servers are beside it"]
    raw: Annotated[Path, "output: directory of perf_analyzer's files"]
    points: Annotated[Path, "output: points.csv"]


@contextmanager
def all_running(
    repositories: Mapping[str, Path], contestants: Sequence[Contestant], kind: str, log_file: Path
) -> Iterator[dict[str, server.Server]]:
    """The server of each contestant: one Triton with all repositories, and those that are servers of their own."""
    with ExitStack() as stack:
        found = {}
        for one in contestants:
            if one.own_server:
                own_log = log_file.with_suffix(f".{one.variant}{log_file.suffix}")
                repository = repositories[one.variant]
                found[one.variant] = stack.enter_context(server.running(repository, server.models(repository), own_log))
        shared = [one.variant for one in contestants if not one.own_server]
        if shared:
            merged = stack.enter_context(together([repositories[name] for name in shared]))
            triton = stack.enter_context(server.running(merged, server.models(merged), log_file, kind=kind))
            found |= dict.fromkeys(shared, triton)
        yield found


def samples(
    job: Job, contestants: Sequence[Contestant], servers: Mapping[str, server.Server], directory: Path
) -> dict[str, Path]:
    """Files in `directory` with the samples that each contestant is sent, for perf_analyzer; it has answered them."""
    settings = job.settings
    references = {
        raw: load_reference(path) for raw, path in ((False, job.reference), (True, job.raw_reference)) if path
    }
    result = {}
    for one in contestants:
        sent = (settings.load.shape, settings.windows.samples, one.target.inputs, job.model_file)
        result[one.variant] = directory / f"{one.variant}.json"
        found = of_shape(references[one.raw], *sent)
        inputs.write(result[one.variant], found, one.target.model)
        warm_up(servers[one.variant], one.target, found, [settings.load.batch_size])
    return result


def rounds(
    settings: HeadToHead,
    contestants: Sequence[Contestant],
    servers: Mapping[str, server.Server],
    data: Mapping[str, Path],
    raw: Path,
) -> list[Row]:
    """The turns of all rounds; `raw` receives the files of perf_analyzer."""
    rows: list[Row] = []
    expected = settings.rounds * len(contestants)
    with tqdm(desc="head to head", unit="turn", total=expected) as progress:
        for number in count(1):
            due = turns.due(rows, [one.variant for one in contestants], settings)
            if not due:
                return rows
            # The same order in every run, another in every round.
            order = random.Random(number).sample([one for one in contestants if one.variant in due], len(due))
            progress.total = max(expected, len(rows) + len(order))
            for place, one in enumerate(order, 1):
                own = raw / f"{one.variant}-{number}"
                own.mkdir()
                asked = (one.target, settings.load, settings.windows, data[one.variant], own)
                take = partial(turns.taken, servers[one.variant], *asked)
                row = marked(undisturbed(take, settings.max_foreign_cpu))
                rows.append({"variant": one.variant, "round": number, "turn": place, **row})
                log.debug("%s", rows[-1])
                progress.update()
    return rows


def marked(row: Row) -> Row:
    """A turn with its status: measured, disturbed by other processes, or failed."""
    if row["status"] == "failed":
        return row
    return {**row, "status": "disturbed" if row["disturbed"] else "measured", "reason": row["disturbed"]}


def measured(job: Job, contestants: Sequence[Contestant], raw: Path) -> list[Row]:
    """All turns of the contestants, on servers of this job."""
    repositories = dict(zip((one.variant for one in job.settings.contestants), job.repositories, strict=True))
    with (
        scratch() as directory,
        all_running(repositories, contestants, job.settings.server, job.server_log) as servers,
    ):
        return rounds(job.settings, contestants, servers, samples(job, contestants, servers, directory), raw)


def main(job: Job) -> None:
    settings = job.settings
    checks = [read_checks(path) for path in job.checks]
    contestants = [one for one, found in zip(settings.contestants, checks, strict=True) if not found["faults"]]
    with whole_directory(job.raw) as raw:
        rows = measured(job, contestants, raw) if contestants else []
    write(job.points, [{**vars(settings.load), **row} for row in rows], HEAD_TO_HEAD_COLUMNS)
    log.info("%d rounds of %d variants", max((row["round"] for row in rows), default=0), len(contestants))


if __name__ == "__main__":
    run(main, Job, __doc__)
