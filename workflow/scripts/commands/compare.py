"""Compare a run with an earlier one, or two variants of one run: ratios of speed, with intervals.

  python -m commands.compare artifacts/<run>/report/perf_summary.json --base path/to/perf_summary.json
  python -m commands.compare artifacts/<run>/report/perf_summary.json --variants openvino onnx

Both from the rounds in which all variants took turns. Between runs every variant is taken relative to the ceiling of
its run (`--as-measured`: not). All intervals of a table hold together at 95 % confidence.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from analyse.between_runs import compared, summary
from analyse.formatting import interval
from analyse.head_to_head import ratios
from program import cli
from program.cli import UserError, log
from program.files import write_json


def between_runs(options: argparse.Namespace) -> dict[str, Any]:
    """The tables of changes from the base to the run, printed as well."""
    comparison = compared(summary(options.summary), summary(options.base), not options.as_measured)
    for difference in comparison.differences:
        log.warning("The runs differ in %s", difference)
    if comparison.ceiling:
        show("The ceiling, as measured", [comparison.ceiling])
    show(f"Speed now over {options.base}", comparison.variants)
    return vars(comparison)


def between_variants(options: argparse.Namespace) -> dict[str, Any]:
    """The comparison of two variants of a run, printed as well."""
    document, (one, other) = summary(options.summary), options.variants
    measured = {row["variant"] for row in document["rounds"]}
    for name in options.variants:
        if name not in measured:
            raise UserError(f"run {document['run']} has no variant {name}.", f"it has {', '.join(sorted(measured))}")
    (found,) = map(asdict, ratios(pd.DataFrame(document["rounds"]), [(one, other)]))
    show(f"Speed of {one} over that of {other}", [found])
    return {"comparisons": [found]}


def show(title: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of ratios."""
    rows = [
        {
            "variant": one["variant"],
            "rounds": one["rounds"],
            "ratio": interval(one["ratio"]),
            "result": one["result"],
        }
        for one in found
    ]
    print(f"{title}\n{pd.DataFrame(rows).to_string(index=False) if rows else 'nothing in common'}\n")


def main(options: argparse.Namespace) -> None:
    result = between_runs(options) if options.base else between_variants(options)
    if options.output:
        write_json(options.output, result)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("summary", type=Path, help="perf_summary.json of the run")
    what = result.add_mutually_exclusive_group(required=True)
    what.add_argument("--base", type=cli.named_file, help="perf_summary.json of an earlier run")
    what.add_argument("--variants", nargs=2, metavar="VARIANT", help="two variants of the run")
    result.add_argument("--as-measured", action="store_true", help="do not take the change of the ceiling out")
    result.add_argument("--output", type=Path, help="file that also receives the comparison, as JSON")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
