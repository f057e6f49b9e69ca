"""Rule deploy: what serves the chosen configuration elsewhere.

The repository, a Dockerfile over NVIDIA's Triton image and a compose file, Kubernetes manifests, and run.sh for a
machine that has Triton. `threads: auto` becomes a number here: in a container it would count the cores of the whole
machine.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Annotated, Any

import jinja2
import numpy as np

from model.reference import Reference, load
from plan.settings.deploy import Deploy
from program.cli import UserError, log
from program.files import read_json, sha256, whole_directory, write_text
from program.imports import top_level_imports
from program.job import run
from record import inputs
from record.recorded import read_health
from serve import install, modelconfig, runtime
from serve import repository as repositories
from serve.variants import VARIANTS
from tuning import space

# Shared memory for the tensors of the Python backend, in MiB.
SHARED_MEMORY_MIB = 512


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Deploy
    health: Annotated[Path, "health.json of the variant"]
    repository: Annotated[Path, "model repository of the variant"]
    candidate: Annotated[Path | None, "repository of the tuned configuration"]
    choice: Annotated[Path | None, "choice.json"]
    reference: Annotated[Path, "reference.npz of what the variant takes"]
    templates: Annotated[Path, "directory of the templates"]
    deploy: Annotated[Path, "output: directory"]


def chosen(job: Job) -> tuple[Path, str]:
    """The repository to deploy, and why that one."""
    if job.choice is None or job.candidate is None:
        return job.repository, "Deployed as configured; no configuration was searched for it."
    choice = read_json(job.choice)
    return (job.candidate if choice["chosen"] == "tuned" else job.repository), choice["why"]


def fix_threads(config: Any, cpus: int) -> None:
    """Put a number in the place of `auto` or `all` threads of a ModelConfig: those of the container's cores."""
    instances = sum(group.count for group in config.instance_group)
    if "threads" in config.parameters:
        parameter = config.parameters["threads"]
        parameter.string_value = str(runtime.threads(parameter.string_value, instances, cpus))


def imported(repository: Path) -> dict[str, str]:
    """The distribution of each package outside of Python's own that the files of a repository import, by module.

    Modules that Triton itself brings, or that lie beside the importing file, have none.
    """
    names = set().union(*map(top_level_imports, repository.rglob("*.py")))
    found = packages_distributions()
    return {name: found[name][0] for name in sorted(names & set(found))}


def linked(config: Any) -> str | None:
    """The package whose libraries the native backend of a model links, if such a backend serves it."""
    engine = config.backend.removeprefix(modelconfig.BACKEND_PREFIX)
    packages = {variant.backend: variant.packages for variant in VARIANTS.values() if variant.backend}
    return next(iter(packages.get(engine, ())), None) if engine != config.backend else None


def digest(repository: Path) -> str:
    """Twelve hexadecimal characters, from the names and contents of all files."""
    files = sorted(path for path in repository.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(repository)} {sha256(path)}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def values(repository: Path, config: Any, settings: Deploy, why: str) -> dict[str, Any]:
    """What the templates show."""
    package = linked(config)
    modules = imported(repository) | ({package: package} if package else {})
    return {
        **asdict(settings),
        "model": config.name,
        # Names in Kubernetes and of images have small letters and hyphens.
        "name": config.name.lower().replace("_", "-").strip("-"),
        "tag": digest(repository),
        "why": why,
        "configuration": space.described(config),
        "modules": list(modules),
        "packages": {name: version(name) for name in sorted(set(modules.values()))},
        # Below the package, where its libraries lie.
        "linked": {"package": package, "directory": install.ENGINE_LIBRARIES[package]} if package else None,
        "gpu": any(group.kind == group.KIND_GPU for group in config.instance_group),
        "shm_mib": SHARED_MEMORY_MIB,
        "flags": ["--model-repository=/models", "--exit-timeout-secs=30", "--log-verbose=0"],
    }


def render(templates: Path, target: Path, shown: Mapping[str, Any]) -> None:
    """Write every template below `templates` to the same place below `target`, without its ending .j2."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for path in sorted(templates.rglob("*.j2")):
        name = path.relative_to(templates)
        write_text(target / name.with_suffix(""), environment.get_template(str(name)).render(shown))
    for program in ("run.sh", "probe/probe.sh"):
        (target / program).chmod(0o755)


def request(config: Any, reference: Path, batch: int) -> str:
    """A request of the smallest batch that is served, in the JSON that Triton's HTTP endpoint takes.

    A model without a batch axis gets one sample without it; a single value is on an axis of 1.
    """
    state = {one.input_name: one.output_name for one in config.sequence_batching.state}
    samples = load(reference)[0].without(state).at_least(batch).first(batch)
    batching = config.max_batch_size > 0
    sent = {}
    for tensor, array in zip(config.input, samples.inputs.values()):
        own = array if batching else array[0]
        sent[tensor.name] = own if own.ndim == len(tensor.dims) + batching else np.expand_dims(own, -1)
    return inputs.as_request(Reference(sent, {}), list(sent), sequence=bool(state))


def main(job: Job) -> None:
    health = read_health(job.health)
    if not health["healthy"]:
        raise UserError(f"{health['variant']} is unhealthy: {'; '.join(health['reasons'])}.", f"see {job.health}")
    source, why = chosen(job)
    (config,) = repositories.configs(source)
    fix_threads(config, job.settings.cpus)
    with whole_directory(job.deploy) as target:
        repository = target / "repository"
        repositories.copy(source, repository)
        (repository / config.name / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
        shown = values(repository, config, job.settings, why)
        render(job.templates, target, shown)
        write_text(target / "probe" / "request.json", request(config, job.reference, job.settings.smallest_batch))
    log.info("%s: %s", job.deploy, why)


if __name__ == "__main__":
    run(main, Job, __doc__)
