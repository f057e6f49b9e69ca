"""The documentation of the configuration says what the schema and the default configuration say."""

import subprocess
import sys

import pytest

from conftest import DEFAULT, ROOT
from plan import table
from plan.validation import load_schema

README = ROOT / "config" / "README.md"
SCHEMA = load_schema()
KEYS = dict(table.keys(SCHEMA, SCHEMA))


def test_readme_has_the_current_table():
    text = README.read_text()
    assert table.written_into(text, table.current()) == text, f"out of date; run: {table.COMMAND}"


@pytest.mark.parametrize("path", KEYS)
def test_key_is_described_and_has_a_default(path):
    description = KEYS[path].get("description", "")
    assert description.endswith(".")
    table.default(path, DEFAULT)


def test_every_object_refuses_unknown_keys_and_requires_its_own():
    sections = [SCHEMA, *(table.resolved(node, SCHEMA) for node in KEYS.values())]
    for section in sections:
        if "properties" in section:
            assert section["additionalProperties"] is False
            assert sorted(section["required"]) == sorted(section["properties"])


TENSORS = ("model.inputs", "model.outputs", "model.raw.inputs", "model.raw.outputs")


def test_config_has_the_keys_of_the_schema_in_its_order():
    def names(node, prefix=""):
        for name, value in node.items():
            yield f"{prefix}{name}"
            # Names of tensors are the user's.
            if isinstance(value, dict) and f"{prefix}{name}" not in TENSORS:
                yield from names(value, f"{prefix}{name}.")

    assert list(names(DEFAULT)) == list(KEYS)


def test_rows():
    schema = {
        "$defs": {"shapes": {"type": "string"}},
        "properties": {
            "part": {
                "description": "A section.",
                "type": "object",
                "properties": {
                    "word": {"description": "This | that.", "enum": ["this", "null"]},
                    "size": {"description": "Size.", "oneOf": [{"const": "all"}, {"type": "integer", "minimum": 1}]},
                    "ratio": {"description": "Ratio.", "type": "number", "minimum": 0, "maximum": 1},
                    "step": {"description": "Step.", "type": "number", "exclusiveMinimum": 0},
                    "many": {"description": "Many.", "type": "array", "items": {"type": "integer"}},
                    "shape": {"description": "Shape.", "$ref": "#/$defs/shapes"},
                },
            },
        },
    }
    config = {"part": {"word": "null", "size": "all", "ratio": 0.5, "step": 2, "many": [1, 2], "shape": "x:1x2"}}
    assert table.table(schema, config).splitlines()[2:] == [
        "| **`part`** |  |  | A section. |",
        '| `part.word` | `this`, `"null"` | `"null"` | This \\| that. |',
        "| `part.size` | `all` or integer, at least 1 | `all` | Size. |",
        "| `part.ratio` | number, 0 to 1 | `0.5` | Ratio. |",
        "| `part.step` | number, above 0 | `2` | Step. |",
        "| `part.many` | list of integer | `[1, 2]` | Many. |",
        "| `part.shape` | shapes | `x:1x2` | Shape. |",
    ]


def test_writing_changes_the_block_alone(tmp_path):
    target = tmp_path / "README.md"
    target.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    script = ROOT / "workflow" / "scripts" / "settings" / "table.py"
    subprocess.run([sys.executable, script, "--write", target], check=True)
    assert target.read_text() == f"before\n{table.BEGIN}\n\n{table.current()}\n\n{table.END}\nafter\n"


def test_missing_marker_is_an_error():
    with pytest.raises(ValueError, match="markers"):
        table.written_into("no table here", "rows")
