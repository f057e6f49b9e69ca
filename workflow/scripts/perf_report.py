"""Rule perf_report: everything that the run found, as a page for people and as CSV and JSON for programs.

perf_report.html needs no network. perf_summary.csv has one row per point, over all repeats; perf_summary.json holds
the same rows and everything else that the page shows.
"""

import argparse
from pathlib import Path

import pandas as pd
import yaml

from analyse import job_times, metrics, tables
from analyse.contents import Document, Records
from analyse.document import document
from analyse.summary import in_process_limits, summarise, summarise_in_process
from model import shapes
from model.source import load_file
from program import cli
from program.cli import log
from program.files import read_json, write_json, write_text
from show.page import render


def collect(options: argparse.Namespace) -> tuple[pd.DataFrame, Document]:
    """The summary table and the document, from the files of the other stages."""
    repeats = tables.read_repeats(options.points)
    health = {found["variant"]: found for found in map(read_json, options.health)}
    others: Records = {
        "config": yaml.safe_load(options.run_config.read_text(encoding="utf-8")),
        "dataset": read_json(options.dataset) if options.dataset else None,
        "model": read_json(options.metrics) if options.metrics else None,
        "parity": read_json(options.parity),
        "versions": read_json(options.versions),
        "system": read_json(options.system),
        "timeline": job_times.jobs(options.logs),
        "published": read_json(options.published) if options.published else None,
    }
    without_server = summarise_in_process(tables.read_in_process(options.in_process))
    limits, models = in_process_limits(without_server), options.settings["models"]
    summary = summarise(
        repeats,
        {name: found["accuracy"] for name, found in health.items()},
        {
            (name, shape): limit
            for name, own in models.items()
            for (model, shape), limit in limits.items()
            if model == own
        },
    )
    if options.model_file:
        source = load_file(options.model_file)
        sample = shapes.format(shapes.sample(shapes.parse(others["config"]["profile"]["opt"])))
        summary = metrics.added(summary, source.metrics, sample, options.model_file)
    engines = [read_json(path) for path in options.engines]
    return summary, document(summary, repeats, without_server, health, engines, others)


def main(options: argparse.Namespace) -> None:
    summary, content = collect(options)
    write_text(options.page, render(content, options.template))
    tables.write(options.csv, summary, list(summary.columns))
    write_json(options.json, content)
    log.info("%s", content["verdict"])


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"models": {variant: the variant whose model it serves}}')
    result.add_argument("--points", type=Path, nargs="+", required=True, help="points.csv of every variant and repeat")
    result.add_argument("--in-process", type=Path, nargs="*", default=[], help="measurements without a server")
    result.add_argument("--health", type=Path, nargs="+", required=True, help="health.json of every variant")
    result.add_argument("--engines", type=Path, nargs="*", default=[], help="engine.json of every engine")
    result.add_argument("--dataset", type=Path, help="dataset.json, where there is a data set")
    result.add_argument("--metrics", type=Path, help="metrics.json, where there is a model file")
    result.add_argument("--parity", type=Path, required=True, help="parity.json")
    result.add_argument("--model-file", type=Path, help="model file that defines metrics")
    result.add_argument("--published", type=Path, help="figures that others published for the model, as JSON")
    result.add_argument("--run-config", type=Path, required=True, help="run_config.yaml")
    result.add_argument("--versions", type=Path, required=True, help="versions.json")
    result.add_argument("--system", type=Path, required=True, help="system.json")
    result.add_argument("--logs", type=Path, required=True, help="directory of the jobs' logs")
    result.add_argument("--template", type=Path, required=True, help="perf_report.html.j2")
    result.add_argument("--page", type=Path, required=True, help="output: perf_report.html")
    result.add_argument("--csv", type=Path, required=True, help="output: perf_summary.csv")
    result.add_argument("--json", type=Path, required=True, help="output: perf_summary.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
