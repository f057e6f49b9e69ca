"""Rule engine_tensorrt: a TensorRT engine for this machine's GPU, through trtexec or TensorRT's Python package.

trtexec is preferred, because it also measures the layers. It is found in PATH, or in the image that the rule names when
Snakemake runs with `--sdm apptainer`; for that image's sake nothing but Python is imported before it is needed.
"""

import importlib
import importlib.util
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from engines import description, layers, trtexec
from engines.layers import Description
from model import shapes
from plan import hardware
from plan.settings.engine import TensorRt
from program.cli import UserError, log
from program.files import read_json, whole_file
from program.job import run
from program.temporary import scratch

# Settings that trtexec alone is given, with what the Python package builds with.
TRTEXEC_ONLY = {
    "optimization_level": 3,
    "workspace_mib": 0,
    "version_compatible": False,
    "hardware_compatibility": "none",
}


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: TensorRt
    onnx: Annotated[Path, "model.onnx"]
    timing_cache: Annotated[Path, "trtexec's timing cache, made when missing"]
    engine: Annotated[Path, "output: model.plan"]
    record: Annotated[Path, "output: engine.json"]


@dataclass(frozen=True)
class Made:
    """How an engine describes itself, what made it, in how many seconds, and with which command of its own."""

    description: Description
    version: str
    seconds: float
    command: Sequence[str] = ()


def with_trtexec(program: str, job: Job, plan: Path) -> Made:
    """Build and measure with trtexec. Raises UserError with its own message."""
    settings = job.settings
    release = trtexec.major(_run([program, "--help"]))
    job.timing_cache.parent.mkdir(parents=True, exist_ok=True)
    build = trtexec.build(program, release, job.onnx, plan, settings.profiles, settings.engine, job.timing_cache)
    start = time.perf_counter()
    output = _run(build)
    seconds = time.perf_counter() - start
    with scratch() as directory:
        _run(trtexec.measure(program, release, plan, settings.profiles[0]["opt"], directory))
        found = layers.from_json(read_json(directory / "layers.json"))
        described = Description(
            layers.with_shares(found.layers, read_json(directory / "profile.json")),
            found.profiles or trtexec.profiles(output),
        )
    return Made(described, trtexec.version(output), seconds, build)


def with_package(job: Job, plan: Path) -> Made:
    """Build with the Python package. Raises UserError for settings that only trtexec knows."""
    ignored = [key for key, value in TRTEXEC_ONLY.items() if getattr(job.settings.engine, key) != value]
    if ignored:
        raise UserError(f"engine.tensorrt.{ignored[0]} needs trtexec, and only the package is here.", trtexec.HINT)
    from engines import builder

    trt = importlib.import_module("tensorrt")
    profiles = [shapes.parse_profile(profile) for profile in job.settings.profiles]
    built = builder.build(trt, job.onnx, profiles, job.settings.engine.precision == "tf32", [])
    plan.write_bytes(built.plan)
    return Made(built.description, trt.__version__, built.seconds)


def make(job: Job, plan: Path) -> Made:
    """Build with what this machine has."""
    program = trtexec.find()
    if program:
        return with_trtexec(program, job, plan)
    if importlib.util.find_spec("tensorrt"):
        return with_package(job, plan)
    raise UserError("neither trtexec nor the Python package tensorrt is here.", trtexec.HINT)


def _run(command: Sequence[str]) -> str:
    """What a command prints, which also goes to the log. Raises UserError when it fails."""
    log.debug("%s", " ".join(command))
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    log.debug("%s", found.stdout)
    if found.returncode != 0:
        raise UserError(
            f"{command[0]} ended with exit code {found.returncode}: {trtexec.errors(found.stdout)}.",
            "see the rule's log",
        )
    return found.stdout


def main(job: Job) -> None:
    precision = job.settings.engine.precision
    hardware.require_gpus(["engine_tensorrt"])
    gpu = hardware.gpus()[0]
    with whole_file(job.engine) as temporary:
        made = make(job, temporary)
    engine = description.Engine(
        backend="tensorrt",
        target=gpu.name,
        precision=description.Precision(precision, layers.obtained(made.description.layers, precision == "tf32")),
        profiles=made.description.profiles,
        versions={"tensorrt": made.version},
        build_seconds=round(made.seconds, 3),
        compute_capabilities=[gpu.compute_capability],
        layers=made.description.layers,
    )
    description.write(job.record, engine, job.engine, job.onnx, made.command)
    log.info("TensorRT %s engine for %s in %.1f s", made.version, gpu.name, made.seconds)


if __name__ == "__main__":
    run(main, Job, __doc__)
