"""Check a configuration without a run: the overlay's YAML, and every key. make does so before it starts Snakemake."""

import argparse
from pathlib import Path

from plan.config import checked
from plan.configured import PROJECT, configured
from program import cli


def main(options: argparse.Namespace) -> None:
    checked(configured(options.configfile), PROJECT)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--configfile", type=Path, help="overlay of the run's configuration")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
