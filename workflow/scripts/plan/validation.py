"""Checks of the configuration before the first job: first its schema, then its meaning.

Every error is one line that names the key and says what to do.
"""

import difflib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from model import shapes
from plan.model_checks import check_model, declared_by
from plan.tune_checks import check_tuning
from program.cli import UserError
from serve.variants import VARIANTS, model_of

SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"
Config = dict[str, Any]


def load_schema() -> dict[str, Any]:
    """The schema of the configuration."""
    schema: dict[str, Any] = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return schema


def validate(config: Config, root: Path) -> None:
    """Raise UserError for the first thing wrong with `config`; relative paths in it are taken from `root`."""
    _check_schema(config)
    check_model(config, root)
    profile = _check_profile(config)
    _check_batches(config, profile, root)
    _check_shapes(config, profile)
    _check_objective(config)
    _check_pytriton(config)
    _check_server(config)
    _check_devices(config)
    _check_base(config, root)
    check_tuning(config)


def _fail(key: str, what: str, hint: str) -> UserError:
    return UserError(f"config: {key}: {what}.", hint)


def _check_schema(config: Config) -> None:
    schema = load_schema()
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        key, what, hint = _explain(error)
        raise _fail(key, what, hint)


def _explain(error: ValidationError) -> tuple[str, str, str]:
    """Key, fault and hint of a schema error."""
    key = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema["properties"])  # type: ignore[index]
        unknown = str(next(name for name in error.instance if name not in known))
        close = difflib.get_close_matches(unknown, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys here: {', '.join(known)}"
        return f"{key}.{unknown}".strip("."), "unknown key", hint
    if error.validator == "required":
        missing = error.message.split("'")[1]
        return f"{key}.{missing}".strip("."), "missing", "config/config.yaml has every key; overlays change some"
    if key.startswith("variants") and error.instance is None:
        return key, "null without quotes is no word in YAML", 'write "null" with its quotes'
    description = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    return key or "(top)", error.message, description or "see config/README.md"


def _check_profile(config: Config) -> dict[str, shapes.Shapes]:
    """The profile against itself and against the model's inputs."""
    profile: dict[str, shapes.Shapes] = {}
    for bound, text in config["profile"].items():
        try:
            profile[bound] = shapes.parse(text)
        except ValueError as error:
            raise _fail(f"profile.{bound}", str(error), "write spec:8x80x140") from error
        _check_inputs(f"profile.{bound}", profile[bound], config["model"]["inputs"], ["B"])
    for name, low in profile["min"].items():
        for axis, (a, b, c) in enumerate(zip(low, profile["opt"][name], profile["max"][name])):
            if not 1 <= a <= b <= c:
                raise _fail("profile", f"axis {axis} of {name} has min {a}, opt {b}, max {c}", "1 ≤ min ≤ opt ≤ max")
    return profile


def _check_inputs(key: str, given: shapes.Shapes, inputs: Sequence[Config], first: Sequence[str]) -> None:
    """Shapes have the model's inputs, fixed sizes, and one size for all axes of a name.

    `first`: what stands before the dims of the config: the batch axis, or nothing.
    """
    names = [tensor["name"] for tensor in inputs]
    if set(given) != set(names):
        raise _fail(
            key,
            f"has the inputs {', '.join(sorted(given))}, the model {', '.join(sorted(names))}",
            "name every input of model.inputs once",
        )
    if first and len({dims[0] for dims in given.values()}) > 1:
        raise _fail(key, "the inputs differ in their batch axis", "the first axis of all is the batch")
    found: dict[str, int] = {}
    for tensor in inputs:
        dims = given[tensor["name"]]
        expected = [-1 for _ in first] + shapes.sizes(tensor["dims"])
        if len(dims) != len(expected) or any(e not in (-1, d) for e, d in zip(expected, dims)):
            wanted = "x".join(map(str, [*first, *tensor["dims"]]))
            raise _fail(key, f"{tensor['name']} is {'x'.join(map(str, dims))}", f"model.inputs says {wanted}")
        for axis, size in zip(tensor["dims"], dims[len(first) :]):
            if isinstance(axis, str) and found.setdefault(axis, size) != size:
                what = f"the axis {axis} is {found[axis]} and {size}"
                raise _fail(key, what, "axes of the same name in model.inputs have the same size")


def _check_batches(config: Config, profile: dict[str, shapes.Shapes], root: Path) -> None:
    low, high = shapes.batch(profile["min"]), shapes.batch(profile["max"])
    for size in config["sweep"]["batch_sizes"]:
        if not low <= size <= high:
            hint = "widen profile.min or profile.max"
            raise _fail("sweep.batch_sizes", f"{size} is outside the profile, {low} to {high}", hint)
    # The health check sends whole batches of the largest size.
    source = config["dataset"]["source"]
    limited = {} if source is None else {"healthcheck.samples": config["healthcheck"]["samples"]}
    if source and "test_size" in declared_by(config, root).datasets[source]:
        limited["dataset.test_size"] = config["dataset"]["test_size"]
    for key, samples in limited.items():
        if samples != "all" and samples < high:
            raise _fail(key, f"{samples} is less than the largest batch, {high}", "raise it, or lower profile.max")


def _check_shapes(config: Config, profile: dict[str, shapes.Shapes]) -> None:
    """The shapes of samples to measure with lie within the profile, and something can be sent in them."""
    key = "sweep.shapes"
    for text in config["sweep"]["shapes"]:
        try:
            given = shapes.parse(text)
        except ValueError as error:
            raise _fail(key, str(error), "write spec:80x40, without the batch axis") from error
        _check_inputs(key, given, config["model"]["inputs"], [])
        for name, dims in given.items():
            # The profile's first axis is the batch.
            bounds = zip(profile["min"][name][1:], dims, profile["max"][name][1:])
            for axis, (low, size, high) in enumerate(bounds):
                if not low <= size <= high:
                    what = f"axis {axis} of {name} is {size} in {text}, outside the profile, {low} to {high}"
                    raise _fail(key, what, "widen profile.min or profile.max")
    raw = [variant for variant in config["variants"] if VARIANTS[variant].raw]
    if config["sweep"]["shapes"] and raw:
        what = f"{raw[0]} takes raw samples, whose sizes do not follow from those of the model's inputs"
        raise _fail(key, what, f"leave the list empty, or {raw[0]} out of variants")


def _check_objective(config: Config) -> None:
    """A late answer must be able to come within the windows that a point is made of."""
    measured = 3 * config["sweep"]["window_ms"]
    if config["sweep"]["slo_ms"] >= measured:
        what = f"{config['sweep']['slo_ms']} ms is not within the three windows of a point, {measured} ms"
        raise _fail("sweep.slo_ms", what, "lower it, or raise sweep.window_ms")


def _check_pytriton(config: Config) -> None:
    """The names fit the model, where it is served so."""
    if all(VARIANTS[variant].kind != "pytriton" for variant in config["variants"]):
        return
    for side in ("inputs", "outputs"):
        given, needed = len(config["pytriton"][side]), len(config["model"][side])
        if given != needed:
            raise _fail(f"pytriton.{side}", f"has {given} names, model.{side} {needed}", "one name for each, in order")


def _check_server(config: Config) -> None:
    inner = config["serving"]["inner"]
    for variant in config["variants"]:
        if config["server"] != "native" and model_of(variant, inner).kind == "native":
            hint = "set server to native, or leave it out of variants and serving.inner"
            raise _fail("server", f"{config['server']} cannot serve {variant}", hint)
        if VARIANTS[variant].kind == "pytriton" and model_of(variant, inner).runtime is None:
            raise _fail("variants", f"{variant} cannot run {inner} from Python", "choose another serving.inner")


def _check_devices(config: Config) -> None:
    wanted = config["serving"]["device"]
    for variant in config["variants"]:
        devices = model_of(variant, config["serving"]["inner"]).devices
        if VARIANTS[variant].computes and wanted not in devices:
            raise _fail(
                "serving.device",
                f"{variant} cannot run on {wanted}, only on {', '.join(devices)}",
                "leave it out of variants, or choose another serving.inner where it builds on that",
            )
        onnx = model_of(variant, config["serving"]["inner"]) is VARIANTS["onnx"]
        if wanted == "cuda" and onnx and config["server"] == "bundled" and not _installed("onnxruntime-gpu"):
            hint = "install onnxruntime-gpu in the place of onnxruntime, or leave it out of variants and serving.inner"
            raise _fail("serving.device", f"{variant} needs the package onnxruntime-gpu on cuda", hint)


def _installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def _check_base(config: Config, root: Path) -> None:
    """The earlier run, where one is named, is another one and there."""
    base = config["compare"]["base"]
    own = root / "artifacts" / config["run"]
    if base and not (root / base).is_file():
        raise _fail("compare.base", f"{base} does not exist", "the perf_summary.json of an earlier run")
    if base and (root / base).resolve().is_relative_to(own.resolve()):
        raise _fail("compare.base", f"{base} is this run's own", "copy an earlier perf_summary.json out of artifacts/")
