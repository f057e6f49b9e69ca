"""Checks of what serves the variants and of what they are measured with and compared to."""

from collections.abc import Iterator
from functools import cache
from importlib import metadata
from math import prod
from os.path import isfile
from pathlib import Path

from plan.config.problems import Problem
from plan.config.whole import Config
from serve.variants import VARIANTS, kind_of, model_of

# Where the native backends of all runs lie (plan/workflow_plan.py).
BACKENDS = "backends"
# Load levels of one variant.
MOST_LOADS = 10_000


def _check_slo(config: Config, _root: Path) -> Iterator[Problem]:
    """A late answer must be able to come within the windows that a point is made of."""
    measured = 3 * config.sweep.window_ms
    if config.sweep.slo_ms >= measured:
        what = f"{config.sweep.slo_ms:g} ms is not within the three windows of a point, {measured} ms"
        yield Problem("sweep.slo_ms", what, "lower it, or raise sweep.window_ms")


def _check_run(config: Config, root: Path) -> Iterator[Problem]:
    """What the run writes has a directory of its own."""
    own = root / "artifacts" / config.run
    if config.run == BACKENDS or (own.exists() and not own.is_dir()):
        yield Problem("run", f"artifacts/{config.run} is not a directory of a run", "choose another name")


def _check_base(config: Config, root: Path) -> Iterator[Problem]:
    """The earlier run exists, and is another one."""
    base, own = config.compare.base, root / "artifacts" / config.run
    if base and not isfile(root / base):
        yield Problem("compare.base", f"{base} does not exist", "give the perf_summary.json of an earlier run")
    elif base and (root / base).resolve().is_relative_to(own.resolve()):
        yield Problem("compare.base", f"{base} is this run's own", "copy an earlier one out of artifacts/")


def _check_loads(config: Config, _root: Path) -> Iterator[Problem]:
    """Lists whose combinations can be planned."""
    sweep = config.sweep
    levels = len(sweep.concurrencies) + len(sweep.request_distributions) * len(sweep.request_rates)
    lists = (sweep.shared_memory, sweep.protocols, sweep.shapes or [""], sweep.batch_sizes)
    loads = levels * prod(map(len, lists))
    if loads > MOST_LOADS:
        what = f"its lists make {loads} load levels, of which {MOST_LOADS} can be planned"
        yield Problem("sweep", what, "shorten concurrencies, batch_sizes, shapes or request_rates")


def _check_server(config: Config, _root: Path) -> Iterator[Problem]:
    """Every variant can be served by the server, and by PyTriton where it is to run another one's model."""
    inner = config.serving.inner
    for variant in config.served:
        if config.server != "native" and model_of(variant, inner).kind == "native":
            hint = "set server to native, or leave it out of variants and serving.inner"
            yield Problem("server", f"{config.server} cannot serve {variant}", hint)
        elif VARIANTS[variant].kind == "pytriton" and model_of(variant, inner).runtime is None:
            yield Problem("variants", f"{variant} cannot run {inner} from Python", "choose another serving.inner")


def _check_not_served(config: Config, _root: Path) -> Iterator[Problem]:
    for variant in config.variants:
        if variant in config.not_served:
            what = f"{variant} stands in variants too"
            yield Problem("not_served", what, "remove it here once it can serve the model, or leave it out of variants")


def _check_devices(config: Config, _root: Path) -> Iterator[Problem]:
    for variant in config.served:
        yield from _check_device(config, variant)


def _check_device(config: Config, variant: str) -> Iterator[Problem]:
    """The variant's model runs on the device, with packages that are installed."""
    device, described = config.serving.device, model_of(variant, config.serving.inner)
    if VARIANTS[variant].computes and device not in described.devices:
        what = f"{variant} cannot run on {device}, only on {', '.join(described.devices)}"
        hint = "leave it out of variants, or choose another serving.inner where it builds on that"
        yield Problem("serving.device", what, hint)
        return
    if kind_of(variant, config.server) == "native" or config.server == "native":
        return
    for package in described.needs(device):
        if not _installed(package):
            hint = f"install {package}, or leave {variant} out of variants and serving.inner"
            yield Problem("variants", f"{variant} needs the package {package} on {device}", hint)


@cache
def _installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def _check_pytriton(config: Config, _root: Path) -> Iterator[Problem]:
    """Every tensor has a name."""
    if not any(VARIANTS[variant].kind == "pytriton" for variant in config.served):
        return
    for side, names, tensors in (
        ("inputs", config.pytriton.inputs, config.model.inputs),
        ("outputs", config.pytriton.outputs, config.model.outputs),
    ):
        if len(names) != len(tensors):
            what = f"has {len(names)} names, model.{side} {len(tensors)}"
            yield Problem(f"pytriton.{side}", what, "give one name for each, in order")


CHECKS = (
    *(_check_server, _check_not_served, _check_devices, _check_pytriton),
    *(_check_run, _check_loads, _check_slo, _check_base),
)
