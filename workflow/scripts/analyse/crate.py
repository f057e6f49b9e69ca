"""A run as an RO-Crate (https://w3id.org/ro/crate/1.1): its files, and the actions that made them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from analyse.job_times import span


def crate(run: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The content of ro-crate-metadata.json for a manifest.json."""
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
