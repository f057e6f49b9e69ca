"""Shapes in trtexec's notation (`spec:8x80x140`, commas between several inputs), and dims as in the config."""

import re
from collections.abc import Iterable, Mapping, Sequence

Shapes = dict[str, list[int]]

# Names may have colons too, as `serving_default_x:0`; a scalar has no sizes.
_ONE = re.compile(r"(?P<name>[^\s,]+):(?P<dims>[0-9]{1,9}(x[0-9]{1,9})*|scalar)")


def parse(text: str) -> Shapes:
    """Shapes by input name, batch axis included.

    >>> parse("ids:8x128,x:0:8,rate:scalar")
    {'ids': [8, 128], 'x:0': [8], 'rate': []}

    Raises ValueError, with the offending part, if `text` has another form.
    """
    shapes: Shapes = {}
    for part in text.split(","):
        match = _ONE.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not of the form name:1x2x3")
        if match["name"] in shapes:
            raise ValueError(f"input {match['name']} is given twice")
        shapes[match["name"]] = [int(size) for size in match["dims"].split("x")] if match["dims"] != "scalar" else []
    return shapes


def format(shapes: Mapping[str, list[int]]) -> str:
    """The text that `parse` reads as these shapes."""
    return ",".join(f"{name}:{'x'.join(map(str, dims)) or 'scalar'}" for name, dims in shapes.items())


def parse_profile(profile: Mapping[str, str]) -> dict[str, Shapes]:
    """The shapes of a profile by bound: `min`, `opt`, `max`."""
    return {bound: parse(profile[bound]) for bound in ("min", "opt", "max")}


def batch(shapes: Mapping[str, list[int]]) -> int:
    """The batch size: the first axis, which all inputs share; 1 for a scalar."""
    first = next(iter(shapes.values()))
    return first[0] if first else 1


def stacked(shapes: Mapping[str, list[int]], batching: bool) -> Shapes:
    """The shapes with a batch axis: their own, or for a model without one an axis of 1, the sample."""
    return {name: dims if batching else [1, *dims] for name, dims in shapes.items()}


def sample(shapes: Mapping[str, list[int]]) -> Shapes:
    """The shapes of one sample: without the batch axis."""
    return {name: dims[1:] for name, dims in shapes.items()}


def sizes(dims: Sequence[int | str | None]) -> list[int]:
    """The config's dims in Triton's form: -1 for an axis that varies.

    >>> sizes([80, "frames", None])
    [80, -1, -1]
    """
    return [size if isinstance(size, int) else -1 for size in dims]


def axis_name(axis: str) -> str:
    """The name in an axis of an output, which may be a multiple or a fraction of it: `256*frames`, `frames/4`."""
    return axis.rpartition("*")[2].partition("/")[0]


def axes(dims: Iterable[Sequence[int | str | None]]) -> list[str]:
    """The names of the axes of several tensors, each once; outputs may have multiples, as `256*frames`."""
    return list(dict.fromkeys(size for sizes in dims for size in sizes if isinstance(size, str)))
