"""The demo's PyTriton server against our variants and the ceiling, interleaved in one run.

The demo: eager PyTorch behind PyTriton's @batch, model MnistInfer, input image, output predictions, max batch 64. In
every round each server is started and measured once, in turn, so that a drift of the machine hits all alike; a ratio
is taken within each round, and the median of the rounds is shown with the lowest and highest.

Run `snakemake --cores 4 train repositories` first, or `make benchmark`, which does.
"""

import argparse
import json
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

PROJECT = Path(__file__).resolve().parents[1]
SCRIPTS = PROJECT / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from measurement import inputs, perf_analyzer  # noqa: E402
from models.reference import Reference, load  # noqa: E402
from program import cli  # noqa: E402
from program.cli import UserError  # noqa: E402
from program.files import write_json  # noqa: E402
from serving import install, server  # noqa: E402

DEMO = "demo"
DEMO_MODEL = {
    "name": "MnistInfer",
    "inputs": {"image": {"dtype": "FP32", "dims": [1, 28, 28]}},
    "outputs": {"predictions": {"dtype": "FP32", "dims": [10]}},
    "max_batch_size": 64,
    "max_queue_delay_us": 0,
}
WINDOWS = {"window_ms": 1000, "stability_percent": 20, "max_windows": 8}


def demo_server(run: Path, log_file: Path) -> AbstractContextManager[server.Server]:
    """The demo's server, on the run's model.pt."""

    def launch(ports: server.Ports, directory: Path) -> tuple[list[str | Path], dict[str, str]]:
        command = [
            *(sys.executable, SCRIPTS / "pytriton_server.py", "--settings", json.dumps(DEMO_MODEL)),
            *("--artifact", run / "model" / "model.pt"),
            *("--http-port", str(ports.http), "--grpc-port", str(ports.grpc), "--metrics-port", str(ports.metrics)),
        ]
        return command, install.pytriton_environment(directory)

    return server.launched(launch, [DEMO_MODEL["name"]], log_file)


def round_of(name: str, run: Path, samples: Reference, concurrencies: list[int], raw: Path) -> list[dict[str, Any]]:
    """Start one server and measure it once at each concurrency."""
    repository = run / "repository" / name
    model = DEMO_MODEL["name"] if name == DEMO else next(repository.glob("*/config.pbtxt")).parent.name
    log_file = raw / "server.log"
    context = demo_server(run, log_file) if name == DEMO else server.running(repository, [model], log_file)
    if name == DEMO:
        samples = Reference({"image": next(iter(samples.inputs.values()))}, samples.outputs, samples.labels)
    data = raw / "samples.json"
    data.write_text(inputs.as_json(samples))
    points = []
    with context as running:
        for concurrency in concurrencies:
            load_level = perf_analyzer.Load("grpc", 1, concurrency)
            command = perf_analyzer.command(model, running.grpc, load_level, WINDOWS, data)
            with tempfile.TemporaryDirectory() as libraries:
                point = perf_analyzer.measure(command, load_level, raw, Path(libraries), timeout=120)
            if point["status"] == "failed":
                raise UserError(f"{name} at concurrency {concurrency}: {point['reason']}")
            points.append({"server": name, "concurrency": concurrency, **point})
    return points


def ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Median throughput of each server and concurrency, and its ratio to the demo's: median, lowest, highest."""
    demo = table[table["server"] == DEMO].set_index(["round", "concurrency"])["throughput"]
    own = table.set_index(["round", "concurrency"])
    table = table.assign(ratio=(own["throughput"] / demo.reindex(own.index)).to_numpy())
    groups = table.groupby(["concurrency", "server"], sort=False)
    return pd.DataFrame(
        {
            "infer/s": groups["throughput"].median().round(),
            "latency avg ms": (groups["latency_avg"].median() / 1000).round(2),
            "ratio": groups["ratio"].median().round(2),
            "lowest": groups["ratio"].min().round(2),
            "highest": groups["ratio"].max().round(2),
            "unstable": groups["status"].agg(lambda found: int((found != "stable").sum())),
        }
    ).reset_index()


def main(options: argparse.Namespace) -> None:
    servers = [DEMO, *options.variants]
    for name in options.variants:
        if not (options.run / "repository" / name).is_dir():
            raise UserError(f"{options.run} has no repository of {name}.", "snakemake --cores 4 train repositories")
    samples = load(options.run / "export" / "reference.npz").first(64)
    points = []
    turns = [(number, name) for number in range(1, options.rounds + 1) for name in servers]
    for number, name in tqdm(turns, unit="server"):
        with tempfile.TemporaryDirectory() as directory:
            found = round_of(name, options.run, samples, options.concurrency, Path(directory))
        points += [{"round": number, **point} for point in found]
    table = ratios(pd.DataFrame(points))
    print(f"Throughput over gRPC, batch 1, {options.rounds} rounds; ratio to the demo's PyTriton server")
    print(table.to_string(index=False))
    write_json(options.output, {"points": points, "summary": table.to_dict("records")})


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--run", type=Path, default=PROJECT / "artifacts" / "mnist", help="default: %(default)s")
    result.add_argument("--variants", nargs="+", default=["openvino", "onnx", "torchscript", "null"])
    result.add_argument("--concurrency", type=int, nargs="+", default=[1, 65])
    result.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    result.add_argument("--output", type=Path, default=PROJECT / "artifacts" / "benchmarks" / "pytriton_demo.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
