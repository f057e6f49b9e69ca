"""Rule tune_choice: what was searched, what was found, and whether the default configuration stays.

choice.json has the measurements with the settings of their configurations, those on the front of throughput and p99
latency, the winner, the proof, and `chosen`: `tuned` only where the gain is shown.
"""

import argparse
from pathlib import Path
from typing import Any

from analyse.tables import read, records
from program import cli
from program.cli import log
from program.files import read_json, write_json
from serve import modelconfig
from serve import repository as repositories
from tuning import results, space
from tuning.choice import decide, front, proven


def measurements(rows: list[dict[str, Any]], configs: Path, constraints: Any) -> list[dict[str, Any]]:
    """Every measurement, with the settings of its configuration and what it is worth."""
    settings = {
        path.stem: space.described(modelconfig.parse(path.read_text(encoding="utf-8")))
        for path in configs.glob("*.pbtxt")
    }
    best = front(rows)
    return [
        {
            **row,
            "default": row["config"].endswith(results.DEFAULT),
            "settings": settings[row["config"]],
            "meets_constraints": results.meets(row, constraints),
            "on_front": row in best,
        }
        for row in rows
    ]


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    record = read_json(options.record)
    proof = proven(records(read(options.proof)), settings["objectives"])
    chosen, why = decide(record, proof, settings["constraints"])
    (default,), (candidate,) = (repositories.configs(path) for path in (options.repository, options.candidate))
    write_json(
        options.choice,
        {
            **settings,
            "model": default.name,
            "model_analyzer": read_json(options.version)["version"],
            "measurements": measurements(results.read(options.results), options.configs, settings["constraints"]),
            "winner": record["winner"],
            "beaten": record["default"],
            "default": space.described(default),
            "tuned": space.described(candidate),
            "proof": proof,
            "chosen": chosen,
            "why": why,
        },
    )
    log.info("%s: %s", settings["variant"], why)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result,
        '{"variant": …, "launch": …, "mode": …, "search": …, "shape": …, "objectives": …, "constraints": …}',
    )
    result.add_argument("--version", type=Path, required=True, help="model_analyzer.json")
    result.add_argument("--results", type=Path, required=True, help="results.csv")
    result.add_argument("--configs", type=Path, required=True, help="directory of config.pbtxt files")
    result.add_argument("--repository", type=Path, required=True, help="model repository of the variant")
    result.add_argument("--candidate", type=Path, required=True, help="repository of the candidate")
    result.add_argument("--record", type=Path, required=True, help="candidate.json")
    result.add_argument("--proof", type=Path, required=True, help="proof.csv")
    result.add_argument("--choice", type=Path, required=True, help="output: choice.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
