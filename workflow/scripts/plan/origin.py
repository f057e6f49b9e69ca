"""Outputs that Snakemake has no record of: copied here, or unpacked. The manifest beside them says how they were made.

Snakemake judges a file without a record by its time stamp alone, and takes it for current whatever the configuration
says.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from program.files import checksum, read_json

MANIFEST = Path("provenance") / "manifest.json"


class Records(Protocol):
    """What Snakemake keeps of outputs, by their paths from the working directory."""

    def has(self, output: str) -> bool:
        """Whether it says how the output was made."""

    def restore(self, output: str, job: Mapping[str, Any]) -> None:
        """Say that a job of a manifest made it."""

    def disown(self, output: str) -> None:
        """Say that nobody knows, so that what needs it makes it again."""


def adopt(run: Path, records: Records, outputs: Iterable[str]) -> tuple[list[str], list[str]]:
    """Record how those outputs were made that Snakemake has no record of, as far as the manifest of the run says.

    Returns the outputs that are as it says, and those that it does not know or that have changed since.
    """
    unrecorded = [output for output in outputs if not records.has(output)]
    jobs = {output: job for job in _jobs(run) for output in job["outputs"]} if unrecorded else {}
    known, unknown = [], []
    for output in unrecorded:
        job = jobs.get(output, {})
        # Manifests of earlier versions have no params.
        if "params" in job and checksum(Path(output)) == job["outputs"][output]:
            records.restore(output, job)
            known.append(output)
        else:
            records.disown(output)
            unknown.append(output)
    return known, unknown


def _jobs(run: Path) -> list[dict[str, Any]]:
    path = run / MANIFEST
    jobs: list[dict[str, Any]] = read_json(path)["jobs"] if path.exists() else []
    return jobs


def told(run: Path, known: list[str], unknown: list[str]) -> list[str]:
    """The same in words: a line for either, none where there is none."""
    lines = []
    if known:
        lines.append(f"{run}: {_counted(known)} came from elsewhere and are as the manifest says.")
    if unknown:
        lines.append(
            f"{run}: nothing says how {_counted(unknown)} were made: they are made again where they are needed. "
            "Hint: snakemake --touch takes them as they are"
        )
    return lines


def _counted(outputs: list[str]) -> str:
    named = ", ".join(outputs[:2]) + (", …" if len(outputs) > 2 else "")
    return f"{len(outputs)} outputs ({named})" if len(outputs) > 1 else f"the output {named}"
