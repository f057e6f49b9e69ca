"""Rule tune_search: measure the configurations of a search space with Model Analyzer.

results.csv is Model Analyzer's own table, configs/ the config.pbtxt of every configuration in it. A search that was
interrupted goes on where it was: its checkpoints are kept until it has ended. A measurement that fails is an error,
which Model Analyzer alone does not make of it.
"""

import argparse
import csv
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model.reference import load
from model.samples import of_shape
from program import cli
from program.cli import UserError, log
from program.files import read_json, whole_directory, whole_file
from record import inputs
from serve import modelconfig
from serve import repository as repositories
from tuning import analyzer, launch, space


def prepare(options: argparse.Namespace, settings: Mapping[str, Any], work: Path) -> dict[str, Any]:
    """Lay out `work`: the repository to search, the samples of the load; returns Model Analyzer's configuration.

    Raises UserError when the search varies threads and the model has no parameter for them.
    """
    (config,) = repositories.configs(options.repository)
    if settings["search"]["threads"] and space.thread_parameter(config) is None:
        raise UserError(f"tune.search.threads: {config.name} has no parameter for them.", "leave the list empty: []")
    repositories.copy(options.repository, work / "models")
    base = space.searched(config, settings["search"])
    (work / "models" / config.name / "config.pbtxt").write_text(modelconfig.text(base))
    windows = settings["windows"]
    samples = of_shape(
        load(options.reference), windows["shape"], windows["samples"], settings["inputs"], options.model_file
    )
    (work / "samples.json").write_text(inputs.as_json(samples.renamed(settings["model"])))
    profile = space.model_profile(base, settings)
    return {
        **analyzer.configuration(work, config.name, profile, settings["windows"]),
        **launch.configuration(settings["launch"], work, settings["server"]),
        **space.ranges(settings),
        **settings["steering"],
    }


def search(options: argparse.Namespace, work: Path) -> list[dict[str, str]]:
    """Run the search in `work`; returns the rows of its results.

    Raises UserError when its server cannot be had, or when a measurement failed; the others stay in the checkpoint.
    """
    settings = options.settings
    config = prepare(options, settings, work)
    identity = {"settings": settings, "model_analyzer": read_json(options.version)["version"]}
    checkpoint = analyzer.checkpoints(options.checkpoints, identity, options.repository)
    config["checkpoint_directory"] = str(checkpoint.resolve())
    profile = analyzer.profile(options.model_analyzer, config, work, options.analyzer_log)
    with launch.available(settings["launch"], work), closing(profile) as lines:
        for line in tqdm(lines, desc="Model Analyzer", unit="measurement", total=space.measurements(settings)):
            log.debug("%s", line)
    with (work / analyzer.RESULTS).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    measured = {(row["Model Config Path"], int(row["Concurrency"])) for row in rows}
    failed = analyzer.failures(options.analyzer_log.read_text(errors="replace"), measured)
    if failed:
        hint = f"see {options.analyzer_log} and its server's log; another run repeats only what failed"
        raise UserError(f"{len(failed)} of the measurements failed: {'; '.join(failed)}.", hint)
    shutil.rmtree(options.checkpoints)
    return rows


def main(options: argparse.Namespace) -> None:
    health = read_json(options.health)
    if not health["healthy"]:
        raise UserError(f"{health['variant']} is unhealthy: {'; '.join(health['reasons'])}.", f"see {options.health}")
    with tempfile.TemporaryDirectory(prefix="triton_endpoints_") as directory:
        work = Path(directory)
        try:
            rows = search(options, work)
        finally:
            if (work / "triton.log").exists():
                shutil.copy(work / "triton.log", options.server_log)
        with whole_directory(options.configs) as configs:
            for name in sorted({row["Model Config Path"] for row in rows}):
                shutil.copy(work / "configs" / name / "config.pbtxt", configs / f"{name}.pbtxt")
        with whole_file(options.results) as results:
            shutil.copy(work / analyzer.RESULTS, results)
    log.info("%d measurements of %d configurations", len(rows), len({row["Model Config Path"] for row in rows}))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result,
        '{"server": …, "launch": mode, and image or endpoints, "mode": …, "search": tune.search, "max_trials": …, '
        '"steering": objectives and constraints, "batch_size": …, "windows": of sweep, "model": inputs and outputs, '
        '"inputs": of the config}',
    )
    result.add_argument("--model-analyzer", type=Path, required=True, help="the program model-analyzer")
    result.add_argument("--version", type=Path, required=True, help="model_analyzer.json")
    result.add_argument("--repository", type=Path, required=True, help="model repository of the variant")
    result.add_argument("--health", type=Path, required=True, help="health.json of the variant")
    result.add_argument("--reference", type=Path, required=True, help="reference.npz")
    result.add_argument("--model-file", type=Path, help="model file, whose example may be asked for samples")
    result.add_argument("--checkpoints", type=Path, required=True, help="directory that outlives an interruption")
    result.add_argument("--analyzer-log", type=Path, required=True, help="output: Model Analyzer's log")
    result.add_argument("--server-log", type=Path, required=True, help="output: Triton's log")
    result.add_argument("--results", type=Path, required=True, help="output: results.csv")
    result.add_argument("--configs", type=Path, required=True, help="output: directory of config.pbtxt files")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
