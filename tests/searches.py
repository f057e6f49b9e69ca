"""Searches of Model Analyzer on the model `small`, by the rule's own script: files, command line, what was measured."""

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from conftest import ANALYZER, MODEL, ROOT, checks
from model.reference import Reference, save

WINDOWS = {"protocol": "grpc", "shape": "", "window_ms": 200, "stability_percent": 1000, "max_windows": 3, "samples": 2}
# With the default configuration three configurations at two concurrencies.
SEARCH = {
    "instances": [1],
    "max_batch_sizes": [16],
    "preferred_batch_sizes": [],
    "queue_delays_us": [0, 100],
    "threads": [],
    "concurrencies": [1, 2],
}
MEASUREMENTS = 6
# What the load is made of.
TENSORS = {"windows": WINDOWS, "model": MODEL, "inputs": []}
SETTINGS = {
    **{"server": "bundled", "launch": {"mode": "local"}, "mode": "manual", "search": SEARCH, "max_trials": 1},
    **{"steering": None, "batch_size": 1, **TENSORS},
}


def command(directory: Path, repository: Path, **changes: Any) -> list[str]:
    """The command line of a search, run in `directory`, which gets the files that it takes."""
    (directory / "version.json").write_text('{"version": "any"}')
    (directory / "checks.json").write_text(checks("small"))
    files = {
        **{"model-analyzer": ANALYZER, "version": "version.json", "checks": "checks.json"},
        **{"repository": repository, "reference": reference(directory), "checkpoints": "checkpoints"},
        **{"analyzer-log": "analyzer.log", "server-log": "server.log", "log": "search.log"},
        **{"results": "results.csv", "configs": "configs"},
    }
    script = ROOT / "workflow" / "scripts" / "tune_search.py"
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    return [sys.executable, str(script), "--settings", json.dumps(SETTINGS | changes), *options]


def reference(directory: Path) -> Path:
    """Two samples for the model `small`."""
    path = directory / "reference.npz"
    samples = {"input": np.zeros((2, 1, 28, 28), np.float32)}
    save(path, [Reference(samples, {"output": np.zeros((2, 10), np.float32)})])
    return path


def begun(directory: Path) -> list[tuple[str, str]]:
    """Configuration and concurrency of every measurement that Model Analyzer has begun, by its log."""
    return re.findall(r"Profiling (\S+): concurrency=(\d+)", (directory / "analyzer.log").read_text())


def points(directory: Path) -> list[tuple[str, str]]:
    """Configuration and concurrency of every row of results.csv."""
    with (directory / "results.csv").open() as stream:
        return [(row["Model Config Path"], row["Concurrency"]) for row in csv.DictReader(stream)]


def checkpointed(directory: Path) -> int:
    """Measurements in the newest checkpoint."""
    files = sorted(directory.glob("checkpoints/*/*.ckpt"))
    try:
        results = json.loads(files[-1].read_text())["ResultManager.results"]["_results"]
    except (IndexError, ValueError):
        return 0
    return sum(len(config[1]) for model in results.values() for config in model.values())
