"""A search of Model Analyzer and mode halving on the same space: what each finds, how long it takes, which is better.

Both search tune.search of a run's configuration, where the lists that Model Analyzer's mode does not vary are left
out. What each has found is served by one Triton and takes turns with the other's. Seconds are those of the search
alone; its proof would take the same time for both. Example, after `make perf_report`:
    .venv/bin/python benchmarks/searches_compared.py --mode quick --configfile space.yaml
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "workflow" / "scripts"))

import tune_candidate  # noqa: E402
import tune_environment  # noqa: E402
import tune_halving  # noqa: E402
import tune_search  # noqa: E402
from analyse.intervals import paired_ratio  # noqa: E402
from plan.config import checked  # noqa: E402
from plan.config.check_tune import VARIES  # noqa: E402
from plan.configured import add_overlays, configured  # noqa: E402
from plan.rule_settings import RuleSettings  # noqa: E402
from plan.workflow_plan import Plan  # noqa: E402
from program import cli  # noqa: E402
from program.cli import UserError, log  # noqa: E402
from program.files import read_json, write_json  # noqa: E402
from serve import repository as repositories  # noqa: E402
from tuning import results, space  # noqa: E402
from tuning.halving import Contestant  # noqa: E402

OURS = "halving"


def plan_of(options: argparse.Namespace, mode: str) -> Plan:
    """The plan of a search in a mode, on the space of both. Raises UserError when the run's files are not there."""
    config = configured(options.configfile)
    config["tune"] |= {"mode": mode, "launch": "local", "variants": [options.variant]}
    config["tune"]["search"] |= {name: [] for name in VARIES["manual"] - VARIES[options.mode]}
    plan = Plan(checked(config, PROJECT), PROJECT)
    run = PROJECT / plan.results
    if not (run / "health" / f"{options.variant}.checks.json").is_file():
        raise UserError(f"{run} has no health check of {options.variant}.", "snakemake --cores 4 healthchecks")
    return plan


def files(plan: Plan, variant: str, work: Path) -> dict[str, Any]:
    """What the jobs of both searches are given, and where what they make goes."""
    run = PROJECT / plan.results
    return {
        "repository": run / "repository" / variant,
        "checks": run / "health" / f"{variant}.checks.json",
        "reference": run / "export" / "reference.npz",
        "model_file": next((PROJECT / path for path in plan.samples_from), None),
        "server_log": work / "triton.log",
        "results": work / "results.csv",
        "configs": work / "configs",
    }


def halving_job(plan: Plan, variant: str, work: Path) -> tune_halving.Job:
    settings = RuleSettings(plan).tune_halving(variant)
    return tune_halving.Job(settings=settings, turns=work / "turns.csv", **files(plan, variant, work))


def search(plan: Plan, variant: str, work: Path) -> float:
    """Search in the plan's mode; `work` gets what it makes. Returns its seconds."""
    settings, config = RuleSettings(plan), plan.config.tune
    start = time.monotonic()
    if config.mode == OURS:
        tune_halving.main(halving_job(plan, variant, work))
    else:
        version = work / "model_analyzer.json"
        tune_environment.main(tune_environment.Job(settings.tune_environment(), version))
        job = tune_search.Job(
            settings=settings.tune_search(variant),
            model_analyzer=PROJECT / config.model_analyzer,
            version=version,
            checkpoints=work / "checkpoints",
            analyzer_log=work / "model_analyzer.log",
            **files(plan, variant, work),
        )
        tune_search.main(job)
    return time.monotonic() - start


def found(plan: Plan, variant: str, work: Path) -> tuple[Any, dict[str, Any]]:
    """The ModelConfig that a search has found, and its measurement. Raises UserError where nothing met the bounds."""
    given = {
        name: path for name, path in files(plan, variant, work).items() if name in ("repository", "results", "configs")
    }
    record = work / "candidate.json"
    settings = RuleSettings(plan).tune_candidate()
    tune_candidate.main(tune_candidate.Job(settings, **given, candidate=work / "candidate", record=record))
    (config,) = repositories.configs(work / "candidate")
    winner = read_json(record)["winner"]
    if winner is None:
        raise UserError(
            f"{plan.config.tune.mode} found nothing within {results.bounds(settings.constraints)}.", "loosen it"
        )
    return config, winner


def compared(options: argparse.Namespace, work: Path, number: int) -> list[dict[str, Any]]:
    """A row for each of the two searches; that of halving has the ratio of its choice to the other's."""
    modes = [options.mode, OURS]
    plans = {mode: plan_of(options, mode) for mode in modes}
    rows, configs = {}, {}
    # The two take turns in going first.
    for mode in modes if number % 2 else reversed(modes):
        (work / mode).mkdir()
        seconds = search(plans[mode], options.variant, work / mode)
        configs[mode], winner = found(plans[mode], options.variant, work / mode)
        rows[mode] = {"time": number, "mode": mode, "seconds": round(seconds), **space.described(configs[mode])}
        rows[mode]["concurrency"] = winner["concurrency"]
        configs[mode].name = f"{configs[mode].name}_{mode}"
    job = halving_job(plans[OURS], options.variant, work / OURS)
    contestants = {mode: Contestant(configs[mode].name, rows[mode]["concurrency"]) for mode in modes}
    values: dict[str, list[float]] = {mode: [] for mode in modes}
    with tune_halving.served(job, [configs[mode] for mode in modes]) as take:
        for turn in tqdm(range(1, options.rounds + 1), desc="head to head", unit="round"):
            for mode in random.Random(turn).sample(modes, len(modes)):
                point = results.of_point(take(contestants[mode]))
                values[mode].append(results.value(point, job.settings.goal.objectives))
    ratio = paired_ratio(values[OURS], values[options.mode])
    rows[OURS]["ratio"] = f"{ratio.middle:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
    return [rows[mode] | {"values": values[mode]} for mode in modes]


def main(options: argparse.Namespace) -> None:
    rows = []
    for number in range(1, options.times + 1):
        with tempfile.TemporaryDirectory() as directory:
            rows += compared(options, Path(directory), number)
        log.info("%s", rows[-2:])
    print(f"ratio: {OURS}'s choice to that of {options.mode}, head to head, {options.rounds} rounds, 95 % interval")
    print(pd.DataFrame(rows).drop(columns="values").fillna("").to_string(index=False))
    write_json(options.output, {"mode": options.mode, "rounds": options.rounds, "searches": rows})


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    add_overlays(result)
    result.add_argument("--variant", default="openvino", help="default: %(default)s")
    modes = [mode for mode in VARIES if mode != OURS]
    result.add_argument("--mode", choices=modes, default="quick", help="of Model Analyzer (default: %(default)s)")
    result.add_argument("--times", type=int, default=1, help="searches of each mode (default: %(default)s)")
    result.add_argument("--rounds", type=int, default=20, help="of the two choices, in turn (default: %(default)s)")
    output = PROJECT / "artifacts" / "benchmarks" / "searches_compared.json"
    result.add_argument("--output", type=Path, default=output, help="default: %(default)s")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
