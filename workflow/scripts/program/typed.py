"""Typed values as canonical JSON, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def canonical(value: Any) -> str:
    """A dataclass or mapping as one text in a fixed order: Snakemake compares params as an unordered set of texts."""
    return json.dumps(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value, sort_keys=True)


def rebuilt(kind: type[T], value: Any) -> T:
    """The object of dataclass `kind` whose JSON is `value`. Raises ValueError that names the wrong key."""
    result: T = _rebuilt(kind, value, "")
    return result


def without_note(kind: Any) -> Any:
    """The type itself of `Annotated[type, "note"]`."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _rebuilt(kind: Any, value: Any, key: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is Annotated:
        return _rebuilt(inner[0], value, key)
    if is_dataclass(kind):
        return _object(kind, value, key)
    if origin in (Union, UnionType):
        return _first_that_fits(kind, value, key)
    if origin is Literal and value in inner:
        return value
    if origin in (list, Sequence) and isinstance(value, list):
        return [_rebuilt(inner[0], item, f"{key}[{index}]") for index, item in enumerate(value)]
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {name: _rebuilt(inner[1], item, f"{key}.{name}") for name, item in value.items()}
    if origin is None and _is_a(value, kind):
        return value
    raise ValueError(f"{key.strip('.') or 'the whole'} is {value!r}, not {getattr(kind, '__name__', kind)}")


def _object(kind: Any, value: Any, key: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{key.strip('.') or 'the whole'} is {value!r}, not a mapping")
    types = get_type_hints(kind, include_extras=True)
    required = {one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING}
    for problem, names in (("unknown", value.keys() - types.keys()), ("missing", required - value.keys())):
        if names:
            raise ValueError(f"{problem} key {f'{key}.{min(names)}'.strip('.')}")
    return kind(**{name: _rebuilt(types[name], item, f"{key}.{name}") for name, item in value.items()})


def _first_that_fits(union: Any, value: Any, key: str) -> Any:
    kinds = get_args(union)
    for kind in kinds:
        try:
            return _rebuilt(kind, value, key)
        except ValueError:
            if value is not None and kinds in ((kind, NoneType), (NoneType, kind)):
                raise  # says more than that nothing fits
    raise ValueError(f"{key.strip('.')} is {value!r}, not {union}")


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a scalar has a type; an integer is a float too, and a bool is no integer."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
