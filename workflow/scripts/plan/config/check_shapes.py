"""Checks of the profiles and of the shapes and batches that are measured, against the model's inputs."""

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from string import ascii_letters
from typing import Literal

from model import shapes
from plan.config.engine import Profile
from plan.config.model import Tensor
from plan.config.problems import Problem
from plan.config.values import LARGEST, IllFormed
from plan.config.whole import Config
from serve.variants import VARIANTS

WIDEN = "widen profile.min or profile.max"


def _check_main_profile(config: Config, _root: Path) -> Iterator[Problem]:
    yield from _check_profile("profile", config.profile, config.model.inputs, config.model.batching)


def _check_extra_profiles(config: Config, _root: Path) -> Iterator[Problem]:
    for number, profile in enumerate(config.extra_profiles):
        yield from _check_profile(f"extra_profiles.{number}", profile, config.model.inputs, config.model.batching)


def _bounds(config: Config, root: Path) -> tuple[shapes.Shapes, shapes.Shapes]:
    """The smallest and the largest shapes that are served. Raises IllFormed where the profile makes no sense."""
    if [*_check_main_profile(config, root)]:
        raise IllFormed("profile")
    return config.shapes["min"], config.shapes["max"]


def _check_raw(config: Config, _root: Path) -> Iterator[Problem]:
    """Samples of several shapes are the model's, not raw ones."""
    raw = [variant for variant in config.served if VARIANTS[variant].raw]
    if config.sweep.shapes and raw:
        what = f"{raw[0]} takes raw samples, whose sizes do not follow from those of the model's inputs"
        yield Problem("sweep.shapes", what, f"leave the list empty, or {raw[0]} out of variants")


def _check_profile(key: str, profile: Profile, inputs: Sequence[Tensor], batching: bool) -> Iterator[Problem]:
    """A profile against the model's inputs and itself."""
    before: tuple[()] | tuple[Literal["B"]] = ("B",) if batching else ()
    parsed = profile.shapes
    wrong = [problem for bound in parsed for problem in _check_inputs(f"{key}.{bound}", parsed[bound], inputs, before)]
    yield from wrong
    if wrong:
        return
    for name, low in parsed["min"].items():
        for axis, (a, b, c) in enumerate(zip(low, parsed["opt"][name], parsed["max"][name])):
            if not 1 <= a <= b <= c:
                what = f"axis {axis} of {name} has min {a}, opt {b}, max {c}"
                yield Problem(key, what, "keep 1 ≤ min ≤ opt ≤ max")
    for tensor in inputs:
        size = prod(parsed["max"][tensor.name]) * (int(tensor.dtype.strip(ascii_letters) or 8) // 8)
        if size > LARGEST:
            what = f"{tensor.name} has {size} bytes, and a message at most {LARGEST}"
            yield Problem(f"{key}.max", what, "lower its sizes")


def _check_inputs(
    key: str, given: shapes.Shapes, inputs: Sequence[Tensor], before: tuple[()] | tuple[Literal["B"]]
) -> Iterator[Problem]:
    """Shapes have the model's inputs, fixed sizes, and one size for all axes of a name.

    `before`: what stands before the dims of the config: the batch axis, or nothing.
    """
    names = [tensor.name for tensor in inputs]
    if set(given) != set(names):
        what = f"has the inputs {', '.join(sorted(given))}, the model {', '.join(sorted(names))}"
        yield Problem(key, what, "name every input of model.inputs once")
        return
    if before and len({tuple(dims[:1]) for dims in given.values()}) > 1:
        yield Problem(key, "the inputs differ in their batch axis", "the first axis of all is the batch")
    found: dict[str, int] = {}
    for tensor in inputs:
        dims, expected = given[tensor.name], [*(-1 for _ in before), *shapes.sizes(tensor.dims)]
        if len(dims) != len(expected) or any(size not in (-1, given) for size, given in zip(expected, dims)):
            wanted = "x".join(map(str, [*before, *tensor.dims])) or "scalar"
            yield Problem(
                key, f"{tensor.name} is {'x'.join(map(str, dims)) or 'scalar'}", f"model.inputs says {wanted}"
            )
            continue
        for axis, size in zip(tensor.dims, dims[len(before) :]):
            if isinstance(axis, str) and found.setdefault(axis, size) != size:
                what = f"the axis {axis} is {found[axis]} and {size}"
                yield Problem(key, what, "axes of the same name in model.inputs have the same size")


def _check_batches(config: Config, root: Path) -> Iterator[Problem]:
    low, high = map(shapes.batch, _bounds(config, root))
    for size in config.sweep.batch_sizes:
        if not low <= size <= high:
            hint = WIDEN if config.model.batching else "write [1]: model.batching is false, requests go one at a time"
            yield Problem("sweep.batch_sizes", f"{size} is outside the profile, {low} to {high}", hint)


def _check_samples(config: Config, root: Path) -> Iterator[Problem]:
    low, high = map(shapes.sample, _bounds(config, root))
    for number, text in enumerate(config.sweep.shapes):
        yield from _check_sample(f"sweep.shapes.{number}", shapes.parse(text), config.model.inputs, low, high)


def _check_sample(
    key: str, given: shapes.Shapes, inputs: Sequence[Tensor], low: shapes.Shapes, high: shapes.Shapes
) -> Iterator[Problem]:
    """The shape of a sample lies within the profile."""
    wrong = [*_check_inputs(key, given, inputs, ())]
    yield from wrong
    if wrong:
        return
    for name, dims in given.items():
        for axis, (least, size, most) in enumerate(zip(low[name], dims, high[name])):
            if not least <= size <= most:
                what = f"axis {axis} of {name} is {size}, outside the profile, {least} to {most}"
                yield Problem(key, what, WIDEN)


CHECKS = (_check_main_profile, _check_extra_profiles, _check_batches, _check_samples, _check_raw)
