"""Checks of the sections tune and deploy of the configuration."""

from typing import Any

from model import shapes
from program.cli import UserError
from serve.variants import kind_of, of_kind

Config = dict[str, Any]

# What each mode varies besides instances, maximum batch size and concurrency; other lists must be empty.
VARIES: dict[str, set[str]] = {
    "manual": {"preferred_batch_sizes", "queue_delays_us", "threads"},
    "brute": set(),
    "quick": set(),
    "optuna": {"queue_delays_us"},
}


def check_tuning(config: Config) -> None:
    """Raise UserError for what is wrong with `tune` or `deploy` in a config that has passed its schema."""
    known = [name for kind in ("model", "native") for name in of_kind(kind, config["server"]) if name != "null"]
    for key, names in (
        ("tune.variants", config["tune"]["variants"]),
        ("deploy.variant", [config["deploy"]["variant"]]),
    ):
        for name in names:
            if name not in known:
                raise _fail(
                    key, f"{name} is not served by a Triton repository of one model", f"one of {', '.join(known)}"
                )
    _check_batches(config)
    _check_mode(config["tune"])
    _check_launch(config)
    if config["deploy"]["min_replicas"] > config["deploy"]["max_replicas"]:
        raise _fail("deploy.min_replicas", "more than deploy.max_replicas", "min ≤ max")


def _check_batches(config: Config) -> None:
    """Every combination must load: a preferred batch and a request fit into every maximum, all into the profile."""
    search = config["tune"]["search"]
    high = shapes.batch(shapes.parse(config["profile"]["max"]))
    for size in search["max_batch_sizes"]:
        if size > high:
            raise _fail(
                "tune.search.max_batch_sizes", f"{size} is outside the profile", f"profile.max has batch {high}"
            )
    smallest = min([*search["max_batch_sizes"], high])
    for size in search["preferred_batch_sizes"]:
        if size > smallest:
            hint = f"the smallest maximum batch size is {smallest}; Triton loads no model that prefers more"
            raise _fail("tune.search.preferred_batch_sizes", f"{size} is too large", hint)
    if config["sweep"]["batch_sizes"][0] > smallest:
        hint = "requests have the first of sweep.batch_sizes"
        raise _fail("tune.search.max_batch_sizes", f"{smallest} is less than a request", hint)


def _check_launch(config: Config) -> None:
    """What docker starts is the image of a full Triton, which has none of the packages of this environment."""
    if config["tune"]["launch"] != "docker":
        return
    if config["server"] != "native":
        raise _fail("tune.launch", f"docker starts a full Triton, server is {config['server']}", "set server to native")
    image = config["serving"]["image"]
    if not image.startswith("docker://"):
        raise _fail("serving.image", f"docker does not run {image}", "docker://nvcr.io/nvidia/tritonserver:26.07-py3")
    for name in config["tune"]["variants"]:
        if kind_of(name, config["server"]) != "native":
            known = ", ".join(of_kind("native", config["server"]))
            what = f"{name} runs in Python, whose packages the image of launch: docker does not have"
            raise _fail("tune.variants", what, f"one of {known}, or launch: local")


def _check_mode(tune: Config) -> None:
    """The lists that a mode does not vary must be empty, its ranges must not."""
    mode, search = tune["mode"], tune["search"]
    for name in sorted(VARIES["manual"] - VARIES[mode]):
        if search[name]:
            raise _fail(f"tune.search.{name}", f"mode {mode} does not vary it", "write [], or choose mode manual")
    for name in () if mode == "manual" else ("instances", "max_batch_sizes"):
        if not search[name]:
            raise _fail(f"tune.search.{name}", f"mode {mode} needs its smallest and largest value", "[1, 2]")


def _fail(key: str, what: str, hint: str) -> UserError:
    return UserError(f"config: {key}: {what}.", hint)
