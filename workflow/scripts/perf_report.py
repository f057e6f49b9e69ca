"""Rule perf_report: everything that the run found, as a page for people and as CSV and JSON for programs.

perf_report.html needs no network. perf_summary.csv has one row per point, over all repeats; perf_summary.json holds
the same rows and everything else that the page shows.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import yaml

from analyse import job_times, metrics, tables
from analyse.contents import Document, Records
from analyse.document import document
from analyse.summary import in_process_limits, summarise, summarise_in_process
from model import shapes
from model.source import load_file
from plan.settings.report import Report
from program.cli import log
from program.files import read_json, write_json, write_text
from program.job import run
from record.recorded import read_health, read_parity
from show.page import render


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Report
    points: Annotated[list[Path], "points.csv of every variant and repeat"]
    head_to_head: Annotated[Path | None, "points.csv of the rounds in which all variants took turns"]
    in_process: Annotated[list[Path], "measurements without a server"]
    health: Annotated[list[Path], "health.json of every variant"]
    engines: Annotated[list[Path], "engine.json of every engine"]
    dataset: Annotated[Path | None, "dataset.json, where there is a data set"]
    metrics: Annotated[Path | None, "metrics.json, where there is a model file"]
    parity: Annotated[Path, "parity.json"]
    model_file: Annotated[Path | None, "model file that defines metrics"]
    published: Annotated[Path | None, "figures that others published for the model, as JSON"]
    run_config: Annotated[Path, "run_config.yaml"]
    versions: Annotated[Path, "versions.json"]
    system: Annotated[Path, "system.json"]
    logs: Annotated[Path, "directory of the jobs' logs"]
    template: Annotated[Path, "perf_report.html.j2"]
    page: Annotated[Path, "output: perf_report.html"]
    csv: Annotated[Path, "output: perf_summary.csv"]
    json: Annotated[Path, "output: perf_summary.json"]


def collect(job: Job) -> tuple[pd.DataFrame, Document]:
    """The summary table and the document, from the files of the other stages."""
    given, settings = (job.points, job.head_to_head, job.in_process), job.settings
    tables.require_complete(*given, settings.loads, settings.rounds, settings.batches)
    repeats, rounds = tables.read_repeats(job.points), tables.read_rounds(job.head_to_head)
    health = {found["variant"]: found for found in map(read_health, job.health)}
    others: Records = {
        "config": yaml.safe_load(job.run_config.read_text(encoding="utf-8")),
        "dataset": read_json(job.dataset) if job.dataset else None,
        "model": read_json(job.metrics) if job.metrics else None,
        "parity": read_parity(job.parity),
        "versions": read_json(job.versions),
        "system": read_json(job.system),
        "timeline": job_times.jobs(job.logs),
        "published": read_json(job.published) if job.published else None,
    }
    without_server = summarise_in_process(tables.read_in_process(job.in_process))
    limits, models = in_process_limits(without_server), job.settings.models
    summary = summarise(
        repeats,
        {name: found["accuracy"] for name, found in health.items()},
        {
            (name, shape): limit * job.settings.gpus[name]
            for name, own in models.items()
            for (model, shape), limit in limits.items()
            if model == own
        },
        rounds,
        on_gpu=others["config"]["serving"]["device"] == "cuda",
    )
    if job.model_file:
        source = load_file(job.model_file)
        opt = shapes.stacked(shapes.parse(others["config"]["profile"]["opt"]), others["config"]["model"]["batching"])
        sample = shapes.format(shapes.sample(opt))
        summary = metrics.added(summary, source.metrics, sample, job.model_file)
    engines = [read_json(path) for path in job.engines]
    return summary, document(summary, repeats, rounds, without_server, health, engines, others)


def main(job: Job) -> None:
    summary, content = collect(job)
    write_text(job.page, render(content, job.template))
    tables.write(job.csv, summary, list(summary.columns))
    write_json(job.json, content)
    log.info("%s", content["verdict"])


if __name__ == "__main__":
    run(main, Job, __doc__)
