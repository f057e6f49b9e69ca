"""How often a comparison calls equal things different, and how often it finds a slow-down of one variant by a fifth.

Drawn from repeats that were recorded on real servers (tests/recorded_repeats.py): 3 repeats a run, as in the default
run. A false alarm is a pair of equal runs, or a run of equal variants, in which any difference is shown.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "workflow" / "scripts"), str(PROJECT / "tests")]

from analyse.between_runs import of_points, of_variants  # noqa: E402
from analyse.between_variants import NOT_SHOWN, SLOWER, comparisons  # noqa: E402
from program import cli  # noqa: E402
from recorded_repeats import levelled, like, recorded, slowed, two_runs  # noqa: E402

Runs = Callable[[], tuple[pd.DataFrame, pd.DataFrame]]


def alarm(found: list[dict]) -> bool:
    return any(one["result"] != NOT_SHOWN for one in found)


def slow_down_found(now: pd.DataFrame, before: pd.DataFrame) -> bool:
    """Whether a fifth less speed of openvino is shown."""
    changes = of_variants(slowed(now, "openvino", 0.8), before, against_ceiling=True)
    return next(one for one in changes if one["variant"] == "openvino")["result"] == SLOWER


def main(options: argparse.Namespace) -> None:
    generator = np.random.default_rng(options.seed)
    busy, quiet = recorded("busy"), recorded("quiet")
    machines: dict[str, Runs] = {
        "busy": lambda: two_runs(busy, generator),
        "quiet": lambda: (like(quiet, generator), like(quiet, generator)),
    }
    rows = []
    for machine, runs in machines.items():
        drawn = [runs() for _ in range(options.draws)]
        rows.append(
            {
                "machine": machine,
                "false alarm, variants": np.mean([alarm(of_variants(*pair, True)) for pair in drawn]),
                "false alarm, points": np.mean([alarm(of_points(*pair, True)) for pair in drawn]),
                "20 % found": np.mean([slow_down_found(*pair) for pair in drawn]),
            }
        )
    print(pd.DataFrame(rows).to_string(index=False))
    equal = levelled(busy)
    alarms = [alarm(comparisons(two_runs(equal, generator)[0])) for _ in range(options.draws)]
    print(f"false alarm among the variants of one busy run: {np.mean(alarms):.3f}")


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--draws", type=int, default=500, help="default: %(default)s")
    result.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
