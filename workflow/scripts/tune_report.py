"""Rule tune_report: the searches of a run as one page that needs no network."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from plan.settings.tune import TuneReport
from program.cli import log
from program.files import read_json, write_text
from program.job import run
from show import search
from show.page import Section, render

SECTIONS = [Section("search", "Configurations", "Configurations", search.view, search.plots)]


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: TuneReport
    choices: Annotated[list[Path], "choice.json of every variant"]
    template: Annotated[Path, "perf_report.html.j2"]
    page: Annotated[Path, "output: tune_report.html"]


def main(job: Job) -> None:
    choices = [read_json(path) for path in job.choices]
    verdicts = [f"{choice['variant']}: {choice['why']}" for choice in choices]
    document = {
        **{"run": job.settings.run, "config": {"model": {"name": job.settings.model}}},
        **{"verdict": verdicts[0], "verdict_details": verdicts[1:]},
        "tuning": choices,
    }
    write_text(job.page, render(document, job.template, SECTIONS))
    log.info("%s", " ".join(verdicts))


if __name__ == "__main__":
    run(main, Job, __doc__)
