"""Rule tune_candidate: the best configuration that the search found within the constraints, as a repository.

candidate.json names the measurement that won, and that of the default configuration which it has to beat. Where the
default won, or nothing met the constraints, the repository is the variant's own.
"""

import argparse
from pathlib import Path

from program import cli
from program.cli import log
from program.files import whole_directory, write_json
from serve import modelconfig
from serve import repository as repositories
from tuning import results, space


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    rows = results.read(options.results)
    winner, rival = results.contest(rows, settings["objectives"], settings["constraints"])
    (config,) = repositories.configs(options.repository)
    differs = winner is not None and not winner["config"].endswith(results.DEFAULT)
    if winner is not None and differs:
        found = modelconfig.parse((options.configs / f"{winner['config']}.pbtxt").read_text(encoding="utf-8"))
        config = space.tuned(config, found)
    with whole_directory(options.candidate) as temporary:
        repositories.copy(options.repository, temporary)
        (temporary / config.name / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
    write_json(options.record, {"winner": winner, "default": rival, "differs": differs})
    met = f"{winner['config']} at concurrency {winner['concurrency']}" if winner else "none"
    log.info("best within %s: %s", results.bounds(settings["constraints"]), met)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"objectives": …, "constraints": …}')
    result.add_argument("--results", type=Path, required=True, help="results.csv")
    result.add_argument("--configs", type=Path, required=True, help="directory of config.pbtxt files")
    result.add_argument("--repository", type=Path, required=True, help="model repository of the variant")
    result.add_argument("--candidate", type=Path, required=True, help="output: repository")
    result.add_argument("--record", type=Path, required=True, help="output: candidate.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
