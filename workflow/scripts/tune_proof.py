"""Rule tune_proof: the candidate and the default configuration measured again, in turn.

A search looks at many noisy figures and takes the best: its winner looks better than it is. So both are measured again,
each at the load at which it was best within the constraints. In every round each gets a server of its own, or is loaded
again by one that runs elsewhere. proof.csv has one row per round and configuration, or none where the candidate is the
default.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tqdm import tqdm

from model.reference import Reference, load
from model.samples import of_shape
from plan.loads import Load
from plan.settings.tune import Proof
from program.cli import UserError, log
from program.files import read_json, whole_directory
from program.job import run
from program.temporary import scratch
from record import inputs, perf_analyzer, points
from tuning import launch


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Proof
    repository: Annotated[Path, "model repository of the variant"]
    candidate: Annotated[Path, "repository of the candidate"]
    record: Annotated[Path, "candidate.json"]
    reference: Annotated[Path, "reference.npz"]
    model_file: Annotated[Path | None, "model file, whose example may be asked for samples"]
    server_log: Annotated[Path, "output: Triton's log"]
    raw: Annotated[Path, "output: directory of perf_analyzer's files"]
    proof: Annotated[Path, "output: proof.csv"]


def measured(
    repository: Path, level: Load, samples: Reference, settings: Proof, raw: Path, log_file: Path
) -> dict[str, Any]:
    """One point of the one model in a repository, freshly loaded. Raises UserError when it failed."""
    windows = settings.windows
    served = launch.serving(settings.launch, repository, level.protocol, log_file, settings.server)
    with scratch() as directory, served as (name, url):
        data = directory / "samples.json"
        inputs.write(data, samples, settings.model)
        command = perf_analyzer.command(name, url, level, windows, data)
        libraries = directory / "libraries"
        libraries.mkdir()
        point = perf_analyzer.measure(command, level, raw, libraries, perf_analyzer.limit(windows))
    if point["status"] == "failed":
        raise UserError(f"{name} at concurrency {level.concurrency}: {point['reason']}.", f"see {raw} and {log_file}")
    return {**vars(level), **point, "command": " ".join(["perf_analyzer", *command])}


def proof(job: Job, raw: Path) -> list[dict[str, Any]]:
    """The points of all rounds; the two take turns in going first."""
    settings, record = job.settings, read_json(job.record)
    if not record["differs"]:
        return []
    windows = settings.windows
    samples = of_shape(load(job.reference), windows.shape, windows.samples, settings.inputs, job.model_file)
    contestants = {"default": (job.repository, record["default"]), "tuned": (job.candidate, record["winner"])}
    turns = [
        (round_, name)
        for round_ in range(1, settings.rounds + 1)
        for name in (contestants if round_ % 2 else reversed(contestants))
    ]
    found = []
    for round_, name in tqdm(turns, desc="proof", unit="point"):
        repository, row = contestants[name]
        level = Load(windows.protocol, row["batch_size"], row["concurrency"], shape=windows.shape)
        own = raw / f"{name}-{round_}"
        own.mkdir()
        point = measured(repository, level, samples, settings, own, job.server_log)
        log.debug("%s #%d: %s", name, round_, point)
        found.append({"variant": name, "repeat": round_, **point})
    return found


def main(job: Job) -> None:
    with whole_directory(job.raw) as raw:
        found = proof(job, raw)
    points.write(job.proof, found)
    log.info("%d points", len(found))


if __name__ == "__main__":
    run(main, Job, __doc__)
