"""Compare the files of a run, and what they were made from, with the checksums in its manifest.json.

Names what differs and exits with 2; says how many files agree and exits with 0.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from plan.configured import add_overlays, configured
from plan.origin import MANIFEST
from program import cli
from program.cli import UserError, log
from program.files import checksum, read_json


def expected(run: Path, manifest: Mapping[str, Any]) -> dict[Path, str]:
    """The checksum that every file of a manifest had, by its path from the working directory."""
    made = {run / name: found["sha256"] for name, found in manifest["files"].items()}
    used = {Path(name): found for job in manifest["jobs"] for name, found in job["inputs"].items()}
    return used | made


def differences(checksums: Mapping[Path, str]) -> Iterator[str]:
    """In words, what is not as it was."""
    for path, wanted in sorted(checksums.items()):
        if not path.exists():
            yield f"{path} is missing"
        elif checksum(path) != wanted:
            yield f"{path} has changed"


def main(options: argparse.Namespace) -> None:
    run = Path("artifacts") / configured(options.configfile)["run"]
    if not (run / MANIFEST).exists():
        raise UserError(f"{run / MANIFEST} does not exist.", "make perf_report writes it at its end")
    checksums = expected(run, read_json(run / MANIFEST))
    found = list(differences(checksums))
    for one in found:
        log.error("%s", one)
    if found:
        raise UserError(
            f"{len(found)} of {len(checksums)} files of {run} differ from its manifest.",
            ".venv/bin/snakemake -n perf_report says what it would make anew; --cores 4 <file> makes a missing file",
        )
    log.info("%d files of %s are as its manifest says", len(checksums), run)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    add_overlays(result)
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
