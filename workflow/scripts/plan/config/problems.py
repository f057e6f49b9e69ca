"""What is wrong with a configuration, in one line each; what pydantic says, in those words."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from plan.config.values import Section
from plan.config.whole import Config
from program.cli import meant

# Errors of which pydantic speaks in the words of Python or of mathematics.
WORDS = {
    "model_type": "{value} is not a mapping",
    "dict_type": "{value} is not a mapping",
    "tuple_type": "{value} is not a list",
    "string_type": "{value} is not text",
    "bool_type": "{value} is not true or false",
    "int_type": "{value} is not a whole number",
    "float_type": "{value} is not a number",
    "invalid-json-value": "{value} is not text, a number, true, false, null, or a list or mapping of these",
    "string_too_short": "the text is empty",
    "too_short": "the list is empty",
    "too_long": "the list has more than {max_length} item",
    "greater_than": "{value} is not above {gt:g}",
    "greater_than_equal": "{value} is less than {ge:g}",
    "less_than": "{value} is not below {lt:g}",
    "less_than_equal": "{value} is more than {le:g}",
}
# Characters of a key, of what is wrong or of a hint.
LONGEST = 400


class Problem(NamedTuple):
    """key: dotted; what: a clause without its full stop; hint: what to do about it."""

    key: str
    what: str
    hint: str

    def __str__(self) -> str:
        return f"config: {_on_one_line(self.key)}: {_on_one_line(self.what)}. Hint: {_on_one_line(self.hint)}"


# Finds what is wrong with keys together; the path is where relative ones begin. It ends where it asks for an ill-formed
# key, so what needs other keys is another check.
Check = Callable[[Config, Path], Iterator[Problem]]


def explained(error: ValidationError) -> Iterator[Problem]:
    """Every error of the models as a problem."""
    errors = error.errors(include_url=False)
    for one in errors:
        inside = [other for other in errors if other["loc"][: len(one["loc"])] == one["loc"]]
        # A list of which no item is valid counts as empty.
        if one["type"] == "too_short" and len(inside) > 1:
            continue
        yield Problem(".".join(str(part) for part in one["loc"] if part != "[key]"), *_explained(one))


def inner_section(annotation: Any) -> type[Section] | None:
    """The section in a field's type, also as the item of a list or beside null."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := inner_section(part))), None)


def _explained(error: ErrorDetails) -> tuple[str, str]:
    """What is wrong, and a hint."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    section, description = _described(error["loc"])
    if kind in ("extra_forbidden", "invalid_key"):
        known = list(section.model_fields)
        return "unknown key", meant(str(error["loc"][-1]), known) or f"known keys here: {', '.join(known)}"
    if kind == "missing":
        return "missing", "config/config.yaml has every key; overlays change some"
    if kind == "literal_error":
        names = re.findall("'([^']*)'", context["expected"])
        if value is None and "null" in names:
            return "null without quotes is not a name in YAML", 'write "null" with its quotes'
        return f"{_shown(value)} is not one of {', '.join(names)}", meant(str(value), names) or description
    if kind in ("int_type", "float_type") and isinstance(value, str):
        return (
            f"{_shown(value)} is text",
            "write it without quotes, with a point before e (1.0e-4), in a --configfile: --config makes it text",
        )
    said = error["msg"].replace("Input should be", f"{_shown(value)} is not")
    what = WORDS[kind].format(**context, value=_shown(value)) if kind in WORDS else said
    return what, context.get("hint") or description or "see config/README.md"


def _described(location: Sequence[str | int]) -> tuple[type[Section], str]:
    """The innermost section on the way to a place in the configuration, and the last description."""
    section: type[Section] = Config
    description = ""
    for part in location:
        field = section.model_fields.get(str(part))
        if field is not None:
            section = inner_section(field.annotation) or section
            description = field.description or description
    return section, description


def _shown(value: Any) -> str:
    """A value as YAML writes it on one line, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # keys that are no text, or longer than Python writes
        return "the value"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _on_one_line(text: str) -> str:
    """A text that may quote the configuration, with what cannot be printed escaped, shortened."""
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:LONGEST])
    return shown if len(text) <= LONGEST else f"{shown}…"
