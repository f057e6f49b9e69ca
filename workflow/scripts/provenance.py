"""Rule provenance: the resolved configuration, the software and the hardware that the figures come from."""

import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Annotated, Any

import psutil
import yaml

from plan import hardware
from plan.lock import pins
from plan.packages import added
from plan.settings.provenance import Provenance
from program.files import read_json, write_json, write_text
from program.git import state
from program.job import run
from program.temporary import scratch
from record import perf_analyzer


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Provenance
    checks: Annotated[Path, "checks.json of any variant"]
    requirements: Annotated[Path | None, "lock of what the model needs beyond the project's packages"]
    run_config: Annotated[Path, "output: run_config.yaml"]
    versions: Annotated[Path, "output: versions.json"]
    system: Annotated[Path, "output: system.json"]


def software(checks: Path, requirements: Path | None) -> dict[str, Any]:
    """Versions: Python and its packages, operating system, Triton as it answered the health check, and so on.

    `requirements`: the names of the packages that the lock of that name adds for the model.
    """
    with scratch() as directory:
        analyzer = perf_analyzer.version(directory)
    return {
        "python": platform.python_version(),
        "os": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "kernel": platform.release(),
        "triton": read_json(checks)["server"],
        "perf_analyzer": analyzer,
        "git": state(Path(__file__).parent),
        "packages": {
            found.metadata["Name"].lower(): found.version
            for found in sorted(distributions(), key=lambda one: one.metadata["Name"].lower())
        },
        "requirements": sorted(pins(added(requirements))) if requirements else [],
    }


def machine() -> dict[str, Any]:
    """Processor, memory, accelerators as the operating system reports them; sizes in bytes."""
    cpu = cpu_info()
    return {
        "cpu": cpu.get("model name", platform.processor()),
        "cpu_flags": sorted(cpu.get("flags", "").split()),
        "cores": psutil.cpu_count(logical=False),
        "threads": psutil.cpu_count(),
        "usable_threads": len(os.sched_getaffinity(0)),
        "governor": _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        "memory_bytes": psutil.virtual_memory().total,
        "virtual_machine": "hypervisor" in cpu.get("flags", ""),
        "container": container(),
        "gpus": gpus(),
    }


def container() -> str | None:
    """The kind of container that this runs in, None outside of one."""
    marks = {"docker": Path("/.dockerenv"), "podman": Path("/run/.containerenv"), "apptainer": Path("/.singularity.d")}
    return next((name for name, mark in marks.items() if mark.exists()), None)


def cpu_info() -> dict[str, str]:
    """Fields of the first processor in /proc/cpuinfo."""
    first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}


def gpus() -> list[dict[str, Any]]:
    """The NVIDIA GPUs as plan.hardware describes them; empty without one."""
    try:
        return [asdict(gpu) for gpu in hardware.gpus()]
    except hardware.NoGpu:
        return []


def _first_line(path: Path) -> str | None:
    return path.read_text().strip() if path.exists() else None


def main(job: Job) -> None:
    write_text(job.run_config, yaml.safe_dump(job.settings.config, sort_keys=False, allow_unicode=True))
    write_json(job.versions, software(job.checks, job.requirements))
    write_json(job.system, machine())


if __name__ == "__main__":
    run(main, Job, __doc__)
