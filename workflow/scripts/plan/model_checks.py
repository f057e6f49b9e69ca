"""Checks of the sections model and dataset of the configuration, against each other and the model file."""

from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from model import shapes
from model.model_file import Declared, declared
from program.cli import UserError
from serve.variants import VARIANTS, model_of

Config = dict[str, Any]

INTERFACE = "workflow/scripts/model/interface.py says what it does"
# Functions of the model file without which a kind of variant cannot be served.
CALLED = {"bls": ("prepare", "interpret", "decode"), "ensemble": ("prepare", "interpret")}


def declared_by(config: Config, root: Path) -> Declared:
    """What the configured model file declares: nothing for a ready model.onnx."""
    name = config["model"]["file"]
    return declared(root / name) if name else Declared()


def check_model(config: Config, root: Path) -> None:
    """Raise UserError for what is wrong with `model` or `dataset` in a config that has passed its schema."""
    _check_source(config["model"], root)
    found = declared_by(config, root)
    if config["model"]["file"] and "build" not in found.functions:
        raise _fail("model.file", f"{config['model']['file']} has no function build", INTERFACE)
    _check_weights(config["model"], root, found)
    _check_tensors(config["model"])
    _check_dataset(config, found)
    _check_samples(config, found)
    for variant in config["variants"]:
        _check_variant(config, variant, found)
    if config["model"]["onnx"] and "aotinductor" in config["engines"]:
        raise _fail("engines", *_needs_code("aotinductor"))


def _check_source(model: Config, root: Path) -> None:
    """Either a model file or a graph, and there."""
    if bool(model["file"]) == bool(model["onnx"]):
        both = "set as well as model.file" if model["onnx"] else "empty, and so is model.file"
        raise _fail("model.onnx", both, 'give one of them, and "" for the other')
    key = "file" if model["file"] else "onnx"
    name = model[key]
    if not (root / name).is_file():
        raise _fail(f"model.{key}", f"{name} does not exist", "a path from the working directory, or absolute")
    if key == "onnx":
        for other in ("arguments", "weights"):
            if model[other]:
                raise _fail(f"model.{other}", "set, but model.onnx is complete", "it belongs to a model.file")
        return
    try:
        declared(root / name)
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise _fail("model.file", f"{name} is not Python: {error.args[0]}{line}", "python -m py_compile") from error


def _check_weights(model: Config, root: Path, found: Declared) -> None:
    name = model["weights"]
    if name and "train" in found.functions:
        raise _fail("model.weights", f"{model['file']} trains its own", "remove train from it, or leave weights empty")
    if name and not (root / name).is_file():
        raise _fail("model.weights", f"{name} does not exist", "a path from the working directory, or absolute")


def _check_tensors(model: Config) -> None:
    """Names are given once; only outputs may have axes that are multiples."""
    described = {"model": model, **({"model.raw": model["raw"]} if model["raw"] else {})}
    for section, sides in described.items():
        for side in ("inputs", "outputs"):
            names = [tensor["name"] for tensor in sides[side]]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice:
                raise _fail(f"{section}.{side}", f"{twice} is given twice", "every tensor has a name of its own")
        if "batch" in shapes.axes([*sides["inputs"], *sides["outputs"]]):
            raise _fail(f"{section}.inputs", "batch is an axis of the dims", "dims leave out the batch axis")
        multiple = next((axis for axis in shapes.axes(sides["inputs"]) if "*" in axis), None)
        if multiple:
            raise _fail(f"{section}.inputs", f"{multiple} is a multiple", "an axis of an input has a name alone")


def _check_dataset(config: Config, found: Declared) -> None:
    """The data set is one that the model file has, and what it needs is there."""
    source = config["dataset"]["source"]
    if source is None:
        return
    if source not in found.datasets:
        known = ", ".join([*found.datasets, "null"])
        raise _fail("dataset.source", f"{source!r} is none of the model file's data sets", f"one of {known}")
    for name in ("dataset", "prepare"):
        if name not in found.functions:
            raise _fail("dataset.source", f"{config['model']['file']} has no function {name}", INTERFACE)
    for key, limits in found.dataset_limits.items():
        if key in found.datasets[source]:
            error = next(Draft202012Validator(limits).iter_errors(config["dataset"][key]), None)
            if error:
                raise _fail(f"dataset.{key}", error.message, f"DATASET_LIMITS of {config['model']['file']}")


def _check_samples(config: Config, found: Declared) -> None:
    """Inputs can be had at every shape: by the model file, or at random."""
    inputs = config["model"]["inputs"]
    if "example" in found.functions or (config["dataset"]["source"] and not shapes.axes(inputs)):
        return
    integer = next((tensor for tensor in inputs if not tensor["dtype"].startswith("FP")), None)
    if integer:
        what = f"{integer['name']} is {integer['dtype']}, and only floating-point inputs can be made up"
        raise _fail("model.inputs", what, f"write a function example into the model file; {INTERFACE}")


def _check_variant(config: Config, variant: str, found: Declared) -> None:
    """The model has what a variant needs of it."""
    model, described = config["model"], VARIANTS[variant]
    if model["onnx"] and model_of(variant, config["serving"]["inner"]).pytorch:
        raise _fail("variants", *_needs_code(variant))
    dynamic = shapes.axes([*model["inputs"], *model["outputs"]])
    if described.raw:
        if model["raw"] is None or config["dataset"]["source"] is None:
            missing = "model.raw" if model["raw"] is None else "dataset.source"
            hint = "leave it out of variants, or describe what it takes and gives"
            raise _fail("variants", f"{variant} takes raw samples, and {missing} is null", hint)
        for name in CALLED[described.kind]:
            if name not in found.functions:
                raise _fail("variants", f"{variant} calls {name}, which {model['file']} has not", INTERFACE)
        if described.kind == "ensemble" and dynamic:
            raise _fail("variants", f"{variant} has no bounds for the axis {dynamic[0]}", "choose bls in its place")
    if not described.computes:
        known = shapes.axes(model["inputs"])
        unknown = next((axis for axis in shapes.axes(model["outputs"]) if axis.split("*")[-1] not in known), None)
        if unknown:
            what = f"{variant} cannot know the size of the output's axis {unknown}"
            raise _fail("variants", what, f"write it as a multiple of an input's (256*{(known or ['axis'])[0]})")


def _needs_code(variant: str) -> tuple[str, str]:
    return f"{variant} needs PyTorch code, and model.onnx is none", "leave it out, or give a model.file"


def _fail(key: str, what: str, hint: str) -> UserError:
    return UserError(f"config: {key}: {what}.", hint)
