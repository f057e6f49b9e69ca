"""Rule perf_gate: fail when a variant is slower than in an earlier run.

Slower: in the rounds head to head the interval of the ratio lies below 1, for all variants together at 95 %, and the
ratio is below 1 by more than the margin. A variant of the earlier run that this one could not measure
fails too. What passes is written down with the slow-down that would have been found.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from analyse.between_runs import RunComparison, compared, summary
from analyse.formatting import interval, listed, percent
from analyse.head_to_head import NOT_SHOWN, SLOWER, TOO_FEW
from plan.settings.gate import Gate
from program.cli import UserError, log
from program.files import write_json
from program.job import run

HINT = "make compare shows every variant; a wide interval wants more sweep.rounds, or a quieter machine"


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Gate
    summary: Annotated[Path, "perf_summary.json"]
    base: Annotated[Path, "perf_summary.json of the earlier run"]
    gate: Annotated[Path, "output: the comparison as JSON"]


def regressions(comparison: RunComparison, margin_percent: float) -> Iterator[str]:
    """One line for each variant that is slower, or that cannot be judged."""
    for change in comparison.variants:
        ratio = change["ratio"]
        if change["result"] == TOO_FEW:
            rounds = listed([str(count) for count in change["rounds"]])
            yield f"{change['variant']} cannot be judged: {rounds} rounds are too few."
        elif change["result"] == SLOWER and ratio["middle"] < 1 - margin_percent / 100:
            yield (
                f"{change['variant']} runs at {interval(ratio)} of its earlier speed;"
                f" the margin is {margin_percent:g} %."
            )


def passed(change: Mapping[str, Any]) -> str:
    """What a change that is no regression shows."""
    found = f"{change['variant']}: {change['result']}, {interval(change['ratio'])} of its earlier speed"
    if change["result"] != NOT_SHOWN:
        return found
    return f"{found}; a slow-down of {percent(1 - change['ratio']['low'] / change['ratio']['middle'])} would have been"


def main(job: Job) -> None:
    settings = job.settings
    comparison = compared(summary(job.summary), summary(job.base), settings.against_ceiling)
    for difference in comparison.differences:
        log.warning("The runs differ in %s", difference)
    if comparison.ceiling and comparison.ceiling["ratio"]:
        log.info("The ceiling itself: %s, %s", comparison.ceiling["result"], interval(comparison.ceiling["ratio"]))
    faults = list(regressions(comparison, settings.margin_percent))
    if not comparison.variants:
        faults = ["no variant was measured in both runs."]
    if faults:
        raise UserError(f"slower than {job.base}:\n" + "\n".join(faults), HINT)
    for change in comparison.variants:
        log.info("%s", passed(change))
    write_json(job.gate, vars(comparison))


if __name__ == "__main__":
    run(main, Job, __doc__)
