"""Rule tune_proof: the candidate and the default configuration measured again, in turn.

A search looks at many noisy figures and takes the best: its winner looks better than it is. So both are measured again,
each at the load at which it was best within the constraints. In every round each gets a server of its own, or is loaded
again by one that runs elsewhere. proof.csv has one row per round and configuration, or none where the candidate is the
default.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model.reference import Reference, load
from model.samples import of_shape
from plan.loads import Load
from program import cli
from program.cli import UserError, log
from program.files import read_json, whole_directory, write_text
from record import inputs, perf_analyzer, points
from tuning import launch

# perf_analyzer's own limit is windows × length; this only catches one that hangs.
_TIMEOUT_FACTOR = 5


def measured(
    repository: Path, level: Load, samples: Reference, settings: Mapping[str, Any], raw: Path, log_file: Path
) -> dict[str, Any]:
    """One point of the one model in a repository, freshly loaded. Raises UserError when it failed."""
    windows = settings["windows"]
    timeout = 60 + _TIMEOUT_FACTOR * windows["max_windows"] * windows["window_ms"] / 1000
    served = launch.serving(settings["launch"], repository, level.protocol, log_file, settings["server"])
    with tempfile.TemporaryDirectory() as directory, served as (name, url):
        data = Path(directory) / "samples.json"
        write_text(data, inputs.as_json(samples))
        command = perf_analyzer.command(name, url, level, windows, data)
        libraries = Path(directory) / "libraries"
        libraries.mkdir()
        point = perf_analyzer.measure(command, level, raw, libraries, timeout)
    if point["status"] == "failed":
        raise UserError(f"{name} at concurrency {level.concurrency}: {point['reason']}.", f"see {raw} and {log_file}")
    return {**vars(level), **point, "command": " ".join(["perf_analyzer", *command])}


def proof(options: argparse.Namespace, raw: Path) -> list[dict[str, Any]]:
    """The points of all rounds; the two take turns in going first."""
    settings, record = options.settings, read_json(options.record)
    if not record["differs"]:
        return []
    windows = settings["windows"]
    samples = of_shape(
        load(options.reference), windows["shape"], windows["samples"], settings["inputs"], options.model_file
    ).renamed(settings["model"])
    contestants = {"default": (options.repository, record["default"]), "tuned": (options.candidate, record["winner"])}
    turns = [
        (round_, name)
        for round_ in range(1, settings["rounds"] + 1)
        for name in (contestants if round_ % 2 else reversed(contestants))
    ]
    found = []
    for round_, name in tqdm(turns, desc="proof", unit="point"):
        repository, row = contestants[name]
        level = Load(windows["protocol"], row["batch_size"], row["concurrency"], shape=windows["shape"])
        own = raw / f"{name}-{round_}"
        own.mkdir()
        point = measured(repository, level, samples, settings, own, options.server_log)
        log.debug("%s #%d: %s", name, round_, point)
        found.append({"variant": name, "repeat": round_, **point})
    return found


def main(options: argparse.Namespace) -> None:
    with whole_directory(options.raw) as raw:
        found = proof(options, raw)
    points.write(options.proof, found)
    log.info("%d points", len(found))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result, '{"server": …, "launch": …, "rounds": …, "windows": of sweep, "model": inputs and outputs, …}'
    )
    result.add_argument("--repository", type=Path, required=True, help="model repository of the variant")
    result.add_argument("--candidate", type=Path, required=True, help="repository of the candidate")
    result.add_argument("--record", type=Path, required=True, help="candidate.json")
    result.add_argument("--reference", type=Path, required=True, help="reference.npz")
    result.add_argument("--model-file", type=Path, help="model file, whose example may be asked for samples")
    result.add_argument("--server-log", type=Path, required=True, help="output: Triton's log")
    result.add_argument("--raw", type=Path, required=True, help="output: directory of perf_analyzer's files")
    result.add_argument("--proof", type=Path, required=True, help="output: proof.csv")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
