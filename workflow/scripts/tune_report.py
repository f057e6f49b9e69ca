"""Rule tune_report: the searches of a run as one page that needs no network."""

import argparse
from pathlib import Path

from program import cli
from program.cli import log
from program.files import read_json, write_text
from show import search
from show.page import Section, render

SECTIONS = [Section("search", "Configurations", "Configurations", search.view, search.plots)]


def main(options: argparse.Namespace) -> None:
    choices = [read_json(path) for path in options.choices]
    verdicts = [f"{choice['variant']}: {choice['why']}" for choice in choices]
    document = {
        **{"run": options.settings["run"], "config": {"model": {"name": options.settings["model"]}}},
        **{"verdict": verdicts[0], "verdict_details": verdicts[1:]},
        "tuning": choices,
    }
    write_text(options.page, render(document, options.template, SECTIONS))
    log.info("%s", " ".join(verdicts))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"run": …, "model": its name}')
    result.add_argument("--choices", type=Path, nargs="+", required=True, help="choice.json of every variant")
    result.add_argument("--template", type=Path, required=True, help="perf_report.html.j2")
    result.add_argument("--page", type=Path, required=True, help="output: tune_report.html")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
