"""Kinds of values in the configuration, and what all of its sections have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from model import shapes

# "4" is not 4 and NaN no number.
_EXACT = ConfigDict(strict=True, allow_inf_nan=False)


class IllFormed(Exception):
    """A value that a check asks for is missing or of the wrong form."""


class Section(BaseModel):
    """A mapping of the configuration: every key is required, and no other is allowed."""

    model_config = ConfigDict(**_EXACT, extra="forbid", frozen=True)

    if not TYPE_CHECKING:  # mypy would take any name for a key

        def __getattr__(self, name: str) -> Any:
            """Only a section of which some keys are ill-formed lacks one of its fields."""
            if name in type(self).model_fields:
                raise IllFormed(name)
            return super().__getattr__(name)


Kind = TypeVar("Kind", bound=Section)


def well_formed(section: type[Kind], raw: Mapping[str, Any]) -> Kind:
    """The keys of a section that are well-formed; asking for another one raises IllFormed."""
    found: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        kind, value = field.annotation, raw.get(name)
        if isinstance(kind, type) and issubclass(kind, Section):
            if isinstance(value, Mapping):
                found[name] = well_formed(kind, value)
        elif name in raw:
            try:
                found[name] = _adapter(section, name).validate_python(value)
            except ValidationError:
                continue
    return section.model_construct(**found)


@cache
def _adapter(section: type[Section], name: str) -> TypeAdapter[Any]:
    """What checks one key of a section."""
    field = section.model_fields[name]
    kind: Any = field.annotation
    return TypeAdapter(Annotated[kind, field], config=_EXACT)


@dataclass(frozen=True)
class OneOf:
    """Annotates a string that is one of names computed elsewhere, as Literal does for names written down."""

    names: Sequence[str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.names))


@dataclass(frozen=True)
class InWords:
    """Annotates a value with what every error about it says: `"x y" is not {what}. Hint: {hint}`."""

    what: str
    hint: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source),
            custom_error_type="in_words",
            custom_error_message=f"Input should be {self.what}",
            custom_error_context={"hint": self.hint},
        )


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise PydanticCustomError("distinct", "{value} is given twice", {"value": value, "hint": "list it once"})
        seen.add(value)
    return values


def _counted(value: int) -> int:
    """Triton's configuration has 32 bits for a number; what is larger is a slip."""
    if value > LARGEST:
        context = {"largest": LARGEST, "hint": "write a smaller number"}
        raise PydanticCustomError("counted", "the number is more than {largest}", context)
    return value


def _path(text: str) -> str:
    """A path that shells, logs and Snakemake can write; in its own paths Snakemake reads braces as wildcards."""
    hint = "rename the file, or choose another one"
    if len(text) > LONGEST_PATH:
        raise PydanticCustomError("path", "the path has {length} characters", {"length": len(text), "hint": hint})
    if not text.isprintable():
        raise PydanticCustomError("path", "the path has a character that cannot be printed", {"hint": hint})
    if "{" in text or "}" in text:
        raise PydanticCustomError("path", "{text} has braces, which Snakemake fills in", {"text": text, "hint": hint})
    return text


def _shapes(text: str) -> str:
    try:
        shapes.parse(text)
    except ValueError as error:
        hint = "write spec:8x80x140, with commas between several inputs"
        raise PydanticCustomError("shapes", "{what}", {"what": str(error), "hint": hint}) from error
    return text


LARGEST = 2**31 - 1
LONGEST_PATH = 1000
# A YAML list; its items stay strict.
Listed = Field(strict=False)
Distinct = AfterValidator(_distinct)

Integer = Annotated[int, AfterValidator(_counted)]
Count = Annotated[int, Field(ge=1), AfterValidator(_counted)]
Amount = Annotated[int, Field(ge=0), AfterValidator(_counted)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
# A path, which may be empty where that means none; a path or URL that is there.
OptionalFile = Annotated[str, AfterValidator(_path)]
File = Annotated[str, Field(min_length=1), AfterValidator(_path)]
Reason = Annotated[
    str,
    Field(pattern=r"^[^\p{C}]+$", max_length=400),
    InWords("a reason", "write it on one line, in up to 400 characters"),
]
Name = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$"),
    InWords("a name", "begin with a letter; letters, digits, - and _ may follow, 100 characters in all"),
]
# \p{C}: what cannot be printed.
TensorName = Annotated[
    str,
    Field(pattern=r"^[^\s,\p{C}]{1,200}$"),
    InWords("a name of a tensor", "write it without spaces and commas, as the graph has it"),
]
# Checked by shapes.parse, which says better than a pattern what is wrong.
Shapes = Annotated[str, AfterValidator(_shapes), WithJsonSchema({"type": "string", "format": "shapes"})]
Counts = Annotated[tuple[Count, ...], Listed, Distinct]
Amounts = Annotated[tuple[Amount, ...], Listed, Distinct]
