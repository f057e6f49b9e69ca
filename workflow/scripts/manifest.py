"""What the files of a run are and what they were made from: manifest.json, and an RO-Crate that says the same.

Snakemake calls it at the end of a run, with its jobs on stdin: [{"rule", "command", "inputs", "outputs", "log",
"params", "code"}, …], paths from the working directory. With the last two a copy of the run knows how it was made
(plan/origin.py). A directory has the checksum of the list of its files' checksums.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from analyse.job_times import span
from plan.origin import MANIFEST
from program import cli
from program.cli import log
from program.files import checksum, members, read_json, write_json
from program.git import state

CRATE = Path("ro-crate-metadata.json")


def checksums(paths: Iterable[str]) -> dict[str, str]:
    """Checksum of each path."""
    return {name: checksum(Path(name)) for name in sorted(set(paths))}


def described(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job with the checksums of what it took and made."""
    return {**job, "inputs": checksums(job["inputs"]), "outputs": checksums(job["outputs"])}


def kept(previous: Sequence[dict[str, Any]], jobs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The jobs of an earlier manifest that were not asked for this time, and whose outputs are still there."""
    now = {output for job in jobs for output in job["outputs"]}
    return [
        job for job in previous if not now & set(job["outputs"]) and all(Path(one).exists() for one in job["outputs"])
    ]


def manifest(run: Path, command: str, jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The content of manifest.json. Files by their path below `run`; inputs and outputs as the jobs name them.

    What all runs share lies elsewhere: the job that made it has its checksum.
    """
    found = {one for job in jobs for output in job["outputs"] for one in members(Path(output))}
    made = sorted(one for one in found if one.is_relative_to(run))
    return {
        "run": run.name,
        "written": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": command,
        "git": state(Path(__file__).parent),
        "files": {
            one.relative_to(run).as_posix(): {"sha256": checksum(one), "bytes": one.stat().st_size} for one in made
        },
        "jobs": list(jobs),
    }


def crate(run: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The same as an RO-Crate (https://w3id.org/ro/crate/1.1): the content of ro-crate-metadata.json."""
    result = ROCrate(version="1.1")
    result.name = f"triton-endpoints, run {run.name}"
    result.description = "Files of one run of the workflow, and the jobs that made them"
    files = {
        (run / name).as_posix(): result.add(
            File(result, run / name, name, properties={"sha256": one["sha256"], "contentSize": str(one["bytes"])})
        )
        for name, one in manifest["files"].items()
    }
    workflow = result.add(
        ContextEntity(
            result,
            "#workflow",
            properties={"@type": "SoftwareApplication", "name": "triton-endpoints", "version": _version(manifest)},
        )
    )
    for number, job in enumerate(manifest["jobs"]):
        action = result.add(ContextEntity(result, f"#job-{number}", properties=_action(job)))
        action["instrument"] = workflow
        action["object"] = _found(files, job["inputs"])
        action["result"] = _found(files, job["outputs"])
    metadata: dict[str, Any] = result.metadata.generate()
    return metadata


def _version(manifest: Mapping[str, Any]) -> str:
    git = manifest["git"]
    return f"{git['commit']}{', changed' if git['dirty'] else ''}" if git else "not in a git checkout"


def _action(job: Mapping[str, Any]) -> dict[str, Any]:
    """What a job did and when, as far as its log tells."""
    log = Path(job["log"])
    moments = span(log) if log.exists() else None
    times = {} if moments is None else dict(zip(("startTime", "endTime"), (one.isoformat() for one in moments)))
    return {"@type": "CreateAction", "name": job["rule"], "description": job["command"], **times}


def _found(files: Mapping[str, File], names: Mapping[str, str]) -> list[File]:
    """The files of the crate under these names, those in a directory among them."""
    return [file for path, file in files.items() if any(path == name or path.startswith(f"{name}/") for name in names)]


def main(options: argparse.Namespace) -> None:
    target = options.run / MANIFEST
    jobs = [described(job) for job in json.load(sys.stdin)]
    jobs += kept(read_json(target)["jobs"], jobs) if target.exists() else []
    content = manifest(options.run, options.command, sorted(jobs, key=lambda job: (job["rule"], list(job["outputs"]))))
    write_json(target, content)
    write_json(options.run / CRATE, crate(options.run, content))
    log.debug("%d files of %d jobs", len(content["files"]), len(jobs))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--run", type=Path, required=True, help="directory of the run: artifacts/<run>")
    result.add_argument("--command", default="snakemake", help="the command line that made the run")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
