"""Rule perf_table: all repeats of one variant in one tidy table, one row per load level and repeat."""

import argparse
from pathlib import Path

import pandas as pd

from measurement import points
from program import cli


def main(options: argparse.Namespace) -> None:
    table = pd.concat([points.read(path) for path in options.points], ignore_index=True)
    points.write(options.table, table, points.REPEAT_COLUMNS)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--points", type=Path, nargs="+", required=True, help="points.csv of every repeat")
    result.add_argument("--table", type=Path, required=True, help="output: perf.csv")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
