"""How often equal variants are called different, and how often a difference of a tenth is found.

Runs of nine rounds are drawn from turns that were recorded on real servers (tests/recorded_repeats.py), or from the
rounds of a run (--points). A false alarm is a run of equal variants, or a pair of equal runs, in which any difference
is shown. A tenth: one variant is made faster than PyTriton by it, or slower than in the other run.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / name) for name in ("workflow/scripts", "tests", "tools")]

from analyse.between_runs import changes  # noqa: E402
from analyse.head_to_head import BASELINE, FASTER, SLOWER, comparisons  # noqa: E402
from program import cli  # noqa: E402
from recorded_repeats import drawn, levelled, like, measured, ranked, recorded, slowed  # noqa: E402

Draw = Callable[[], pd.DataFrame]
SHOWN = (FASTER, SLOWER)
TENTH = 1.1


def rates(run: Draw, equal: Draw, variant: str, draws: int) -> dict[str, Any]:
    """How often each is shown in as many draws. `run`: as recorded; `equal`: with all variants equally fast."""
    found = [(run(), run(), equal()) for _ in range(draws)]
    return {
        "false alarm within a run": np.mean([alarm(points, variant) for *_, points in found]),
        "between runs": np.mean([alarm_between(now, before) for now, before, _ in found]),
        "10 % found within a run": np.mean([faster_found(now, points, variant) for now, _, points in found]),
        "between runs ": np.mean([slower_found(now, before, variant) for now, before, _ in found]),
    }


def alarm(points: pd.DataFrame, inner: str) -> bool:
    return any(one.result in SHOWN for one in comparisons(points, ranked(points), inner))


def alarm_between(now: pd.DataFrame, before: pd.DataFrame) -> bool:
    return any(one["result"] in SHOWN for one in changes(now, before, True))


def faster_found(points: pd.DataFrame, equal: pd.DataFrame, variant: str) -> bool:
    """Whether a variant that is a tenth faster than PyTriton is seen to be, among others as they are."""
    pair = points["variant"].isin([variant, BASELINE])
    mixed = pd.concat([points[~pair], equal[equal["variant"].isin([variant, BASELINE])]])
    judged = comparisons(slowed(mixed, BASELINE, 1 / TENTH), [variant, *ranked(points[~pair])], variant)
    return next(one for one in judged if (one.variant, one.base) == (variant, BASELINE)).difference_shown


def slower_found(now: pd.DataFrame, before: pd.DataFrame, variant: str) -> bool:
    found = changes(slowed(now, variant, 1 / TENTH), before, True)
    (result,) = (one["result"] for one in found if one["variant"] == variant)
    return bool(result == SLOWER)


def main(options: argparse.Namespace) -> None:
    generator = np.random.default_rng(options.seed)
    if options.points:
        recordings = {str(options.points): (measured(options.points), drawn)}
    else:
        busy = recorded("busy").replace({"variant": {"torchscript": BASELINE}})
        quiet = recorded("quiet").replace({"variant": {"demo": BASELINE}})
        recordings = {"busy": (busy, drawn), "quiet": (quiet, like)}
    rows = []
    for name, (points, draw) in recordings.items():
        equal = levelled(points)

        def of(table: pd.DataFrame, draw: Callable = draw) -> Draw:
            return lambda: draw(table, generator)

        rows.append({"machine": name, **rates(of(points), of(equal), options.variant, options.draws)})
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--points", type=Path, help="perf/head_to_head/points.csv of a run")
    result.add_argument("--variant", default="openvino", help="which is made faster or slower; default: %(default)s")
    result.add_argument("--draws", type=int, default=300, help="default: %(default)s")
    result.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
