"""Servers measured in turn, so that a drift of the machine hits all alike, and their ratios.

In every round each server is started and measured once. A ratio is taken within each round; the median of the rounds
is shown with the lowest and the highest.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

from model.reference import Reference, load  # noqa: E402
from model.signature import Signature, Tensor  # noqa: E402
from plan.configured import add_overlays  # noqa: E402
from plan.loads import Load, Windows  # noqa: E402
from program import cli  # noqa: E402
from program.cli import UserError  # noqa: E402
from program.files import write_json  # noqa: E402
from record import inputs, perf_analyzer  # noqa: E402
from serve import server  # noqa: E402
from serve.endpoint import connected  # noqa: E402

WINDOWS = Windows(window_ms=1000, stability_percent=20, max_windows=8, samples=64)
SAMPLES = 64


@dataclass(frozen=True)
class Contestant:
    """A server: what `server.running` serves, the model to load, what to send, and which Triton serves it."""

    repository: Path
    model: str
    reference: Path
    kind: str


def variant(config: Mapping[str, Any], name: str, reference: str = "reference.npz") -> Contestant:
    """A variant of a configuration's run. Raises UserError when its repository has not been built."""
    run = PROJECT / "artifacts" / str(config["run"])
    repository = run / "repository" / name
    if not repository.is_dir():
        raise UserError(f"{run} has no repository of {name}.", "snakemake --cores 4 repositories")
    names = server.models(repository)
    model = next((one for one in names if one.endswith(f"_{name}")), names[0])
    return Contestant(repository, model, run / "export" / reference, config["server"])


def measure(contestant: Contestant, concurrencies: Sequence[int]) -> list[dict[str, Any]]:
    """Start one server and measure it once at each concurrency, over gRPC with batch 1."""
    points = []
    with tempfile.TemporaryDirectory() as directory:
        raw = Path(directory)
        data = raw / "samples.json"
        names = server.models(contestant.repository)
        with server.running(contestant.repository, names, raw / "server.log", kind=contestant.kind) as running:
            data.write_text(inputs.as_json(samples(contestant, running)))
            for concurrency in concurrencies:
                load_level = Load("grpc", 1, concurrency)
                command = perf_analyzer.command(contestant.model, running.grpc, load_level, WINDOWS, data)
                with tempfile.TemporaryDirectory() as libraries:
                    point = perf_analyzer.measure(command, load_level, raw, Path(libraries), timeout=120)
                if point["status"] == "failed":
                    raise UserError(f"{contestant.model} at concurrency {concurrency}: {point['reason']}")
                points.append({"concurrency": concurrency, **point})
    return points


def samples(contestant: Contestant, running: server.Server) -> Reference:
    """Samples of the test set under the input names of the served model."""
    with connected(running, "http", contestant.model) as one:
        metadata = one.metadata()
    taken, given = (
        [Tensor(name, "", list(one["shape"][1:])) for name, one in metadata[side].items()]
        for side in ("inputs", "outputs")
    )
    return load(contestant.reference)[0].renamed(Signature(taken, given)).first(SAMPLES)


def ratios(table: pd.DataFrame, base: str) -> pd.DataFrame:
    """Median throughput of each server and concurrency, and its ratio to `base`: median, lowest, highest."""
    level = ["round", "concurrency"]
    own = table.set_index(level)["throughput"]
    reference = table[table["server"] == base].set_index(level)["throughput"]
    groups = table.assign(ratio=(own / reference.reindex(own.index)).to_numpy()).groupby(
        ["concurrency", "server"], sort=False
    )
    columns = {
        "infer/s": groups["throughput"].median().round(),
        "latency avg ms": (groups["latency_avg"].median() / 1000).round(2),
        "ratio": groups["ratio"].median().round(2),
        "lowest": groups["ratio"].min().round(2),
        "highest": groups["ratio"].max().round(2),
        "unstable": groups["status"].agg(lambda found: int((found != "stable").sum())),
    }
    return pd.DataFrame(columns).reset_index().sort_values("concurrency", kind="stable")


def compare(contestants: Mapping[str, Contestant], base: str, options: argparse.Namespace) -> None:
    """Measure all contestants, print the table of ratios to `base`, and write both to `options.output`."""
    turns = [(number, name) for number in range(1, options.rounds + 1) for name in contestants]
    points = []
    for number, name in tqdm(turns, unit="server"):
        found = measure(contestants[name], options.concurrency)
        points += [{"round": number, "server": name, **point} for point in found]
    table = ratios(pd.DataFrame(points), base)
    print(f"Throughput over gRPC, batch 1, {options.rounds} rounds; ratio to {base}")
    print(table.to_string(index=False))
    write_json(options.output, {"points": points, "summary": table.to_dict("records")})


def arguments(description: str | None, name: str, concurrencies: list[int]) -> argparse.ArgumentParser:
    """The options that all comparisons have."""
    result = cli.parser(description)
    add_overlays(result)
    result.add_argument("--concurrency", type=int, nargs="+", default=concurrencies, help="default: %(default)s")
    result.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    output = PROJECT / "artifacts" / "benchmarks" / f"{name}.json"
    result.add_argument("--output", type=Path, default=output, help="default: %(default)s")
    return result
