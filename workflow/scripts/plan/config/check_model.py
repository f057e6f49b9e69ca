"""Checks of the sections model and dataset, against each other, the variants and the model file."""

from collections.abc import Iterable, Iterator
from os.path import isfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from model import shapes
from model.model_file import Declared, declared
from plan import packages
from plan.config.model import Model, Raw, Tensor
from plan.config.problems import Problem, explained
from plan.config.values import IllFormed
from plan.config.whole import Config
from program.imports import project_imports
from serve.variants import VARIANTS, kind_of, model_of

SCRIPTS = Path(__file__).parents[2]
PATH = "give an absolute path, or one from the working directory"
INTERFACE = "workflow/scripts/model/interface.py says what it does"
# Functions of the model file without which a kind of variant cannot be served.
CALLED = {"bls": ("prepare", "interpret", "decode"), "ensemble": ("prepare", "interpret")}


def declared_by(config: Config, root: Path) -> Declared:
    """What the configured model file declares, nothing without one. Raises OSError, SyntaxError or ValueError."""
    return declared(root / config.model.file) if config.model.file else Declared()


def _read(config: Config, root: Path) -> Declared:
    """What the model file declares. Raises IllFormed where it cannot be read, which is told by _check_source."""
    if [*_check_source(config, root)]:
        raise IllFormed("model.file")
    return declared_by(config, root)


def _axes(tensors: Iterable[Tensor]) -> list[str]:
    return shapes.axes([tensor.dims for tensor in tensors])


def _check_own_tensors(config: Config, _root: Path) -> Iterator[Problem]:
    yield from _check_tensors("model", config.model)


def _check_raw_tensors(config: Config, _root: Path) -> Iterator[Problem]:
    if config.model.raw:
        yield from _check_tensors("model.raw", config.model.raw)


def _check_tensors(section: str, described: Model | Raw) -> Iterator[Problem]:
    """Names are given once; only outputs may have axes that are multiples."""
    for side, tensors in (("inputs", described.inputs), ("outputs", described.outputs)):
        names = [tensor.name for tensor in tensors]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            yield Problem(f"{section}.{side}", f"{twice} is given twice", "every tensor has a name of its own")
    if "batch" in _axes([*described.inputs, *described.outputs]):
        yield Problem(f"{section}.inputs", "batch is an axis of the dims", "dims leave out the batch axis")
    multiple = next((axis for axis in _axes(described.inputs) if "*" in axis or "/" in axis), None)
    if multiple:
        yield Problem(f"{section}.inputs", f"{multiple} is a multiple", "an axis of an input has a name alone")
    if any(axis is None for tensor in described.inputs for axis in tensor.dims):
        what = "null is an axis of an input, which has bounds"
        yield Problem(f"{section}.inputs", what, "give it a name, and its bounds in profile")


def _check_source(config: Config, root: Path) -> Iterator[Problem]:
    """A model file, or a graph with or without one, which can be read."""
    model = config.model
    given = {"model.file": model.file, "model.onnx": model.onnx}
    if not any(given.values()):
        yield Problem("model.onnx", "empty, and so is model.file", "give a file that builds the module, or a graph")
    given |= {f"model.files.{number}": name for number, name in enumerate(model.files)}
    missing = [(key, name) for key, name in given.items() if name and not isfile(root / name)]
    for key, name in missing:
        yield Problem(key, f"{name} does not exist", PATH)
    if missing or not model.file:
        return
    own = (root / model.file).parent
    try:
        declared(root / model.file)
        imported = project_imports(root / model.file, own)[1:]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        what = f"{model.file} is not Python: {error.args[0] if error.args else 'nested too deep'}{line}"
        yield Problem("model.file", what, "python -m py_compile shows where")
        return
    except OSError as error:
        yield Problem("model.file", f"{model.file} cannot be read: {error.strerror}", "chmod +r makes it readable")
        return
    for path in imported:
        first = path.relative_to(own).parts[0].removesuffix(".py")
        if own != SCRIPTS and ((SCRIPTS / first).is_dir() or (SCRIPTS / f"{first}.py").is_file()):
            what = f"{model.file} imports {path.name} beside it as {first}, which is a module of the workflow"
            yield Problem("model.file", what, "give it another name")


def _check_requirements(config: Config, root: Path) -> Iterator[Problem]:
    """What the model needs besides is locked."""
    named = config.model.requirements
    if named and not isfile(root / named):
        yield Problem("model.requirements", f"{named} does not exist", PATH)
    elif named and not packages.is_locked(root / named):
        what = f"{named} has no lock, or that of other requirements or of another envs/main.txt"
        yield Problem("model.requirements", what, f"{packages.SYNC} locks and installs what it asks for")


def _check_file(config: Config, root: Path) -> Iterator[Problem]:
    """The model file builds, and what else is given is needed."""
    model, found = config.model, _read(config, root)
    if model.onnx:
        for key, value in (("arguments", model.arguments), ("weights", model.weights)):
            if value:
                yield Problem(f"model.{key}", "set, but model.onnx is complete", "it belongs to a model.file")
        for name in sorted({"build", "train"} & found.functions):
            what = f"{model.file} has a function {name}, but the model is model.onnx"
            yield Problem("model.file", what, f'remove {name}, or set model.onnx to ""')
        return
    if "build" not in found.functions:
        yield Problem("model.file", f"{model.file} has no function build", INTERFACE)
    if model.weights and "train" in found.functions:
        yield Problem("model.weights", f"{model.file} trains its own", "remove train from it, or leave weights empty")
    elif model.weights and not isfile(root / model.weights):
        yield Problem("model.weights", f"{model.weights} does not exist", PATH)


def _check_dataset(config: Config, root: Path) -> Iterator[Problem]:
    """The data set is one that the model file has, within its limits, and fills the largest batch."""
    source, found = config.dataset.source, _read(config, root)
    if source is None:
        return
    if source not in found.datasets:
        known = ", ".join([*found.datasets, "null"])
        yield Problem("dataset.source", f"{source} is not a data set of the model file", f"choose one of {known}")
        return
    for name in ("dataset", "prepare"):
        if name not in found.functions:
            yield Problem("dataset.source", f"{config.model.file} has no function {name}", INTERFACE)
    for key in found.datasets[source]:
        yield from _check_limits(key, getattr(config.dataset, key), found)
    # The health check sends whole batches of the largest size.
    largest = shapes.batch(config.shapes["max"])
    limited = {"healthcheck.samples": config.healthcheck.samples}
    if "test_size" in found.datasets[source]:
        limited["dataset.test_size"] = config.dataset.test_size
    for key, samples in limited.items():
        if samples != "all" and samples < largest:
            yield Problem(key, f"{samples} is less than the largest batch, {largest}", "raise it, or lower profile.max")


def _check_limits(key: str, value: Any, found: Declared) -> Iterator[Problem]:
    """A key of the section dataset keeps the limits that the model file sets to it."""
    limits = found.dataset_limits.get(key, {})
    try:
        TypeAdapter(Annotated[Any, Field(**limits)]).validate_python(value)
    except ValidationError as error:
        for problem in explained(error):
            yield Problem(f"dataset.{key}", problem.what, "DATASET_LIMITS of the model file says so")


def _check_samples(config: Config, root: Path) -> Iterator[Problem]:
    """There are inputs at every shape: from the model file, or at random."""
    inputs, found = config.model.inputs, _read(config, root)
    if "example" in found.functions or (config.dataset.source and not _axes(inputs)):
        return
    made_up = [tensor for tensor in inputs if tensor.name not in config.model.state]
    integer = next((tensor for tensor in made_up if not tensor.dtype.startswith("FP")), None)
    if integer:
        what = f"{integer.name} is {integer.dtype}, and only floating-point inputs can be made up"
        yield Problem("model.inputs", what, f"write a function example into the model file; {INTERFACE}")


def _check_code(config: Config, _root: Path) -> Iterator[Problem]:
    """A ready graph is served by what needs no code of a module."""
    if not config.model.onnx:
        return
    for variant in config.served:
        if model_of(variant, config.serving.inner).pytorch:
            yield _needs_code("variants", variant)
    compiled_from_code = {variant.engine for variant in VARIANTS.values() if variant.pytorch}
    for engine in config.engines:
        if engine in compiled_from_code:
            yield _needs_code("engines", engine)


def _check_batching(config: Config, _root: Path) -> Iterator[Problem]:
    for variant in () if config.model.batching else config.served:
        if VARIANTS[variant].kind in ("bls", "ensemble"):
            yield Problem("variants", f"{variant} sends batches, and model.batching is false", "leave it out")


def _check_sizes(config: Config, _root: Path) -> Iterator[Problem]:
    """What computes nothing knows from the inputs how large its outputs are."""
    known = _axes(config.model.inputs)
    free = [axis for tensor in config.model.outputs for axis in tensor.dims if not isinstance(axis, int)]
    unknown = next((axis or "null" for axis in free if not axis or shapes.axis_name(axis) not in known), None)
    for variant in config.served if unknown else ():
        if not VARIANTS[variant].computes:
            what = f"{variant} cannot know the size of the output's axis {unknown}"
            hint = f"write it as a multiple of an input's (256*{(known or ['axis'])[0]})"
            yield Problem("variants", what, hint)


def _check_strings(config: Config, _root: Path) -> Iterator[Problem]:
    """Strings go where the framework has them: in ONNX graphs."""
    strings = next((one for one in (*config.model.inputs, *config.model.outputs) if one.dtype == "BYTES"), None)
    if strings is None:
        return
    for variant in config.served:
        serves = model_of(variant, config.serving.inner)
        if serves.computes and serves.artifact != "export/model.onnx":
            what = f"{variant} has no strings, and {strings.name} is BYTES"
            yield Problem("variants", what, "leave it out; onnx has them")
        if VARIANTS[variant].backend == "null" and config.serving.backend == "native":
            what = f"{variant} has no strings in C++, and {strings.name} is BYTES"
            yield Problem("variants", what, "set serving.backend to python")


def _check_single_values(config: Config, _root: Path) -> Iterator[Problem]:
    for variant in config.served:
        yield from _check_single_value(config, variant)


def _check_single_value(config: Config, variant: str) -> Iterator[Problem]:
    """Triton makes an axis of 1 of a single value, and takes it away in batches alone; our backends always can."""
    model = config.model
    single = next((one.name for one in (*model.inputs, *model.outputs) if not one.dims), None)
    if single and kind_of(variant, config.server) == "native" and not model.batching:
        what = f"Triton gives {variant} no scalar as {single} where model.batching is false"
        yield Problem("variants", what, "choose another server or variant")
    if single and VARIANTS[variant].kind in ("bls", "ensemble"):
        yield Problem("variants", f"{variant} does not take {single}, which has no dims", "leave it out")


def _check_state(config: Config, _root: Path) -> Iterator[Problem]:
    """A state is an output that fits the input that takes it, of one size; something is left that clients see."""
    model, state = config.model, config.model.state
    inputs, outputs = ({one.name: one for one in side} for side in (model.inputs, model.outputs))
    for taken, given in state.items():
        for side, name, known in (("inputs", taken, inputs), ("outputs", given, outputs)):
            if name not in known:
                yield Problem(f"model.state.{taken}", f"{name} is none of model.{side}", f"they are {', '.join(known)}")
        if taken in inputs and given in outputs:
            yield from _check_kept(inputs[taken], outputs[given])
    twice = next((name for name in state.values() if [*state.values()].count(name) > 1), None)
    if twice:
        yield Problem("model.state", f"two inputs take {twice}", "Triton gives an output to one input")
    elif [state[name] for name in sorted(state)] != sorted(state.values()):
        what = "Triton gives states to inputs in the order of their names, which is another for the outputs"
        yield Problem("model.state", what, "rename them, so that they come in the same order")
    for side, known, kept in (("inputs", inputs, {*state}), ("outputs", outputs, {*state.values()})):
        if state and not known.keys() - kept:
            yield Problem("model.state", f"it has all of model.{side}", "leave one that clients see")


def _check_kept(taken: Tensor, given: Tensor) -> Iterator[Problem]:
    described = [f"{one.dtype} {list(one.dims)}" for one in (taken, given)]
    if described[0] != described[1]:
        what = f"{taken.name} is {described[0]}, {given.name} is {described[1]}"
        yield Problem(f"model.state.{taken.name}", what, "both are the same tensor, one request apart")
    elif taken.dtype == "BYTES" or not taken.dims or not all(isinstance(size, int) for size in taken.dims):
        what = f"{taken.name} is {described[0]}, and a state is numbers of a fixed size"
        yield Problem(f"model.state.{taken.name}", what, "leave it out of model.state: clients then send and get it")


def _check_sequences(config: Config, _root: Path) -> Iterator[Problem]:
    """A request of a sequence is one sample, sent after the one before is answered, to what keeps a state."""
    if not config.model.state:
        return
    for key, found, wanted in (
        ("sweep.batch_sizes", config.sweep.batch_sizes, (1,)),
        ("sweep.request_rates", config.sweep.request_rates, ()),
    ):
        if found != wanted:
            what = f"{list(found)}, and requests of a sequence are one sample each, one after another"
            yield Problem(key, what, f"write {list(wanted)}, or leave model.state empty")
    if config.dataset.source is not None:
        yield Problem("dataset.source", "its samples are no sequences, which model.state needs", "set it to null")
    for variant in config.served:
        built = config.serving.backend == "native" and kind_of(variant, config.server) == "model"
        if not (built and VARIANTS[variant].backend):
            what = f"{variant} keeps no state, which only native backends do"
            hint = "leave it out or name it in not_served, and set serving.backend to native"
            yield Problem("variants", what, hint)


def _check_raw(config: Config, root: Path) -> Iterator[Problem]:
    for variant in config.served:
        if VARIANTS[variant].raw:
            yield from _check_raw_variant(config, variant, _read(config, root))


def _check_raw_variant(config: Config, variant: str, found: Declared) -> Iterator[Problem]:
    """There are raw samples, and the model file converts them."""
    model, kind = config.model, VARIANTS[variant].kind
    if model.raw is None or config.dataset.source is None:
        missing = "model.raw" if model.raw is None else "dataset.source"
        hint = "leave it out of variants, or describe what it takes and gives"
        yield Problem("variants", f"{variant} takes raw samples, and {missing} is null", hint)
        return
    for name in CALLED[kind]:
        if name not in found.functions:
            yield Problem("variants", f"{variant} calls {name}, which {model.file} does not have", INTERFACE)
    axes = _axes([*model.inputs, *model.outputs])
    if kind == "ensemble" and axes:
        yield Problem("variants", f"{variant} has no bounds for the axis {axes[0]}", "choose bls in its place")


def _needs_code(key: str, name: str) -> Problem:
    what = f"{name} needs PyTorch code, which model.onnx does not have"
    return Problem(key, what, "leave it out, or give a model.file")


CHECKS = (
    *(
        _check_own_tensors,
        _check_raw_tensors,
        _check_source,
        _check_requirements,
        _check_file,
        _check_dataset,
        _check_samples,
    ),
    *(_check_code, _check_raw, _check_strings, _check_single_values, _check_batching, _check_sizes),
    *(_check_state, _check_sequences),
)
