"""How often head to head calls a server different from itself, and how often it finds one that is slower by a tenth.

The repository of one variant is served twice, under two names. Both take turns as in rule head_to_head, with the rounds
that it adds, as often as asked for: alone and, in turn with that, with the servers of all other variants up and idle.
The same rounds are judged again with a part of the twin's throughput taken away. Example, after `make perf_report`:
    .venv/bin/python benchmarks/same_against_same.py --variant openvino --times 20
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

import head_to_head  # noqa: E402
from analyse import head_to_head as compared  # noqa: E402
from plan.config import checked  # noqa: E402
from plan.configured import add_overlays, configured  # noqa: E402
from plan.rule_settings import RuleSettings  # noqa: E402
from plan.settings.perf import Contestant  # noqa: E402
from plan.workflow_plan import Plan  # noqa: E402
from program import cli  # noqa: E402
from program.cli import UserError, log  # noqa: E402
from program.files import write_json  # noqa: E402
from record.points import HEAD_TO_HEAD_COLUMNS  # noqa: E402
from serve import modelconfig  # noqa: E402
from serve import repository as repositories  # noqa: E402

TWIN = "twin"


def twin(one: Contestant, repository: Path, directory: Path) -> Contestant:
    """The same model under another name, in a repository in `directory`. Raises UserError where there are several."""
    found = [] if one.own_server else repositories.configs(repository)
    if len(found) != 1:
        raise UserError(f"{one.variant} is not a repository of one model.", "choose another --variant")
    repositories.copy(repository, directory)
    (config,) = found
    (directory / config.name).rename(directory / TWIN)
    config.name = TWIN
    (directory / TWIN / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
    return replace(one, variant=TWIN, target=replace(one.target, name=TWIN, counted=TWIN))


def job_of(options: argparse.Namespace, work: Path) -> head_to_head.Job:
    """The job of rule head_to_head in the run of a configuration. Raises UserError when its files are not there."""
    plan = Plan(checked(configured(options.configfile), PROJECT), PROJECT)
    settings, run = RuleSettings(plan).head_to_head(), PROJECT / plan.results
    if options.variant not in plan.variants or not (run / "repository" / options.variant).is_dir():
        raise UserError(f"{run} has no repository of {options.variant}.", "make perf_report")
    return head_to_head.Job(
        settings=replace(settings, rounds=options.rounds or settings.rounds),
        repositories=[run / "repository" / name for name in plan.variants],
        checks=[],
        reference=run / "export" / "reference.npz",
        raw_reference=next((PROJECT / path for path in plan.raw_reference), None),
        model_file=next((PROJECT / path for path in plan.samples_from), None),
        server_log=work / "triton.log",
        raw=work / "raw",
        points=work / "points.csv",
    )


def measured(job: head_to_head.Job, variant: str, idle: bool, work: Path) -> pd.DataFrame:
    """The turns of a variant and its twin; `idle`: with the servers of all other variants up."""
    paths = dict(zip((one.variant for one in job.settings.contestants), job.repositories))
    own = next(one for one in job.settings.contestants if one.variant == variant)
    paths[TWIN] = work / f"twin-{idle}"
    pair = [own, twin(own, paths[variant], paths[TWIN])]
    up = [*pair, *(one for one in job.settings.contestants if idle and one is not own)]
    with head_to_head.all_running(paths, up, job.settings.server, job.server_log) as servers:
        job.raw.mkdir()
        rows = head_to_head.rounds(job.settings, pair, servers, head_to_head.samples(job, pair, servers, work), job.raw)
    points = [{**vars(job.settings.load), **row} for row in rows]
    return pd.DataFrame(points).reindex(columns=HEAD_TO_HEAD_COLUMNS)


def shown(tables: Sequence[pd.DataFrame], variant: str, factor: float) -> int:
    """In how many of the tables a difference is shown when the twin has `factor` of its throughput."""
    slower = [
        one.assign(throughput=one["throughput"].where(one["variant"] != TWIN, one["throughput"] * factor))
        for one in tables
    ]
    return sum(comparison.difference_shown for one in slower for comparison in compared.ratios(one, [(TWIN, variant)]))


def summary(tables: Sequence[pd.DataFrame], idle: bool, options: argparse.Namespace) -> dict[str, Any]:
    """The row of what was measured with, or without, the idle servers of other variants."""
    return {
        "other servers": "up, idle" if idle else "none",
        "times": len(tables),
        "rounds": round(sum(one["round"].max() for one in tables) / len(tables), 1),
        "median infer/s": round(float(pd.concat(tables)["throughput"].median())),
        "false alarms": shown(tables, options.variant, 1.0),
        f"{options.slower:g} % found": shown(tables, options.variant, 1 - options.slower / 100),
    }


def main(options: argparse.Namespace) -> None:
    tables: dict[bool, list[pd.DataFrame]] = {False: [], True: []}
    for time in range(1, options.times + 1):
        # The machine's drift hits both alike.
        for idle in sorted(tables, reverse=time % 2 == 0):
            with tempfile.TemporaryDirectory() as directory:
                work = Path(directory)
                found = measured(job_of(options, work), options.variant, idle, work)
            tables[idle].append(found.assign(idle_servers=idle, time=time))
            log.info("%s", summary(tables[idle], idle, options))
    results = [summary(found, idle, options) for idle, found in tables.items()]
    print(pd.DataFrame(results).to_string(index=False))
    records = pd.concat([*tables[False], *tables[True]]).astype(object)
    write_json(options.output, {"points": records.where(records.notna(), None).to_dict("records"), "summary": results})


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    add_overlays(result)
    result.add_argument("--variant", default="openvino", help="default: %(default)s")
    result.add_argument("--times", type=int, default=20, help="default: %(default)s")
    result.add_argument("--rounds", type=int, help="default: sweep.rounds of the configuration")
    result.add_argument(
        "--slower", type=float, default=10.0, help="per cent taken from the twin (default: %(default)s)"
    )
    output = PROJECT / "artifacts" / "benchmarks" / "same_against_same.json"
    result.add_argument("--output", type=Path, default=output, help="default: %(default)s")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
