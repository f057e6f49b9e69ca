"""Shapes as trtexec writes them: `input:64x1x28x28`, several inputs separated by commas."""

import re
from collections.abc import Mapping

Shapes = dict[str, list[int]]

_ONE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.]*):(?P<dims>[0-9]+(x[0-9]+)*)")


def parse(text: str) -> Shapes:
    """Shapes by input name, batch axis included.

    >>> parse("input:64x1x28x28")
    {'input': [64, 1, 28, 28]}

    Raises ValueError, with the offending part, when `text` is not of this form.
    """
    shapes: Shapes = {}
    for part in text.split(","):
        match = _ONE.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not of the form name:1x2x3")
        if match["name"] in shapes:
            raise ValueError(f"input {match['name']} is given twice")
        shapes[match["name"]] = [int(size) for size in match["dims"].split("x")]
    return shapes


def format(shapes: Mapping[str, list[int]]) -> str:
    """The inverse of `parse`."""
    return ",".join(f"{name}:{'x'.join(map(str, dims))}" for name, dims in shapes.items())


def parse_profile(profile: Mapping[str, str]) -> dict[str, Shapes]:
    """The three shapes of a profile: keys `min`, `opt`, `max`."""
    return {bound: parse(profile[bound]) for bound in ("min", "opt", "max")}


def batch(shapes: Mapping[str, list[int]]) -> int:
    """The batch size: the first axis, which all inputs share."""
    return next(iter(shapes.values()))[0]
