"""Rule tune_environment: the version of Model Analyzer, whose search is made anew with another one."""

import argparse
from pathlib import Path

from program import cli
from program.cli import log
from program.files import write_json
from tuning import analyzer


def main(options: argparse.Namespace) -> None:
    version = analyzer.version(options.model_analyzer)
    write_json(options.version, {"version": version})
    log.info("Model Analyzer %s", version)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--model-analyzer", type=Path, required=True, help="the program model-analyzer")
    result.add_argument("--version", type=Path, required=True, help="output: model_analyzer.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
