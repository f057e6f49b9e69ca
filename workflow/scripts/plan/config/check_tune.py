"""Checks of the sections tune and deploy."""

from collections.abc import Iterator
from math import prod
from pathlib import Path

from model import shapes
from plan.config.problems import Problem
from plan.config.whole import Config
from serve.variants import kind_of, of_kind

# What each mode varies besides instances, maximum batch size and concurrency; other lists must be empty.
VARIES: dict[str, set[str]] = {
    "manual": {"preferred_batch_sizes", "queue_delays_us", "threads"},
    "brute": set(),
    "quick": set(),
    "optuna": {"queue_delays_us"},
    "halving": {"preferred_batch_sizes", "queue_delays_us", "threads"},
}
# Those that take a list as the range from its smallest to its largest value.
RANGES = {"brute", "quick", "optuna"}
# Model instances that one Triton may hold in mode halving: each may be a process with its own copy of the weights.
MOST_INSTANCES = 64


def _check_replicas(config: Config, _root: Path) -> Iterator[Problem]:
    """A deployment may have as many replicas as it must have."""
    if config.deploy.min_replicas > config.deploy.max_replicas:
        yield Problem("deploy.min_replicas", "more than deploy.max_replicas", "lower it, or raise deploy.max_replicas")


def _check_batches(config: Config, _root: Path) -> Iterator[Problem]:
    """Every combination must load: a preferred batch and a request fit into every maximum, all into the profile."""
    search = config.tune.search
    high = shapes.batch(config.shapes["max"])
    for size in search.max_batch_sizes:
        if size > high:
            hint = f"the batch of profile.max is {high}"
            yield Problem("tune.search.max_batch_sizes", f"{size} is outside the profile", hint)
    smallest = min([*search.max_batch_sizes, high])
    for size in search.preferred_batch_sizes:
        if size > smallest:
            hint = f"the smallest maximum batch size is {smallest}; Triton loads no model that prefers more"
            yield Problem("tune.search.preferred_batch_sizes", f"{size} is too large", hint)
    if config.sweep.batch_sizes[0] > smallest:
        hint = "requests have the first of sweep.batch_sizes"
        yield Problem("tune.search.max_batch_sizes", f"{smallest} is less than a request", hint)


def _check_mode(config: Config, _root: Path) -> Iterator[Problem]:
    """The lists that a mode does not vary must be empty, its ranges must not."""
    tune = config.tune
    for name in sorted(VARIES["manual"] - VARIES[tune.mode]):
        if getattr(tune.search, name):
            what = f"mode {tune.mode} does not vary it"
            yield Problem(f"tune.search.{name}", what, "write [], or choose mode manual or halving")
    for name in ("instances", "max_batch_sizes") if tune.mode in RANGES else ():
        if not getattr(tune.search, name):
            yield Problem(
                f"tune.search.{name}", f"mode {tune.mode} needs its smallest and largest value", "write them, as [1, 2]"
            )


def _check_halving(config: Config, _root: Path) -> Iterator[Problem]:
    """All configurations are served by one Triton, which this machine starts."""
    tune, serving = config.tune, config.serving
    if tune.mode != "halving":
        return
    if tune.launch != "local":
        what = f"mode halving serves all configurations from one Triton, which launch {tune.launch} does not start"
        yield Problem("tune.launch", what, "set it to local, or choose another mode")
    counts = tune.search.instances or (serving.instances,)
    each = prod(len(values) or 1 for name, values in tune.search if name not in ("instances", "concurrencies"))
    gpus = serving.gpus if serving.device == "cuda" else 1
    instances = (each * sum(counts) + serving.instances) * gpus
    if instances > MOST_INSTANCES:
        what = f"{each * len(counts)} configurations and the default have {instances} instances of the model"
        hint = f"mode halving loads them all into one Triton, at most {MOST_INSTANCES}; shorten the lists"
        yield Problem("tune.search", what, hint)


def _check_docker(config: Config, _root: Path) -> Iterator[Problem]:
    """What docker starts is the image of a full Triton, which has none of the packages of this environment."""
    if config.tune.launch != "docker":
        return
    image = config.serving.image
    if config.server != "native":
        what = f"docker starts a full Triton, server is {config.server}"
        yield Problem("tune.launch", what, "set server to native")
        return
    if not image.startswith("docker://"):
        yield Problem(
            "serving.image", f"docker does not run {image}", "write docker://nvcr.io/nvidia/tritonserver:26.07-py3"
        )
    for name in config.tune.variants:
        if kind_of(name, config.server) != "native":
            what = f"{name} runs in Python, whose packages the image of launch: docker does not have"
            known = ", ".join(of_kind("native", config.server))
            yield Problem("tune.variants", what, f"choose one of {known}, or launch: local")


CHECKS = (_check_batches, _check_mode, _check_halving, _check_docker, _check_replicas)
