"""The keys of the configuration as a Markdown table, made from the schema and config/config.yaml.

Example: python workflow/scripts/plan/table.py --write config/README.md
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

SCRIPTS = Path(__file__).parents[1]
ROOT = SCRIPTS.parents[1]
COMMAND = "python workflow/scripts/plan/table.py --write config/README.md"
BEGIN = f"<!-- keys: generated from the schema by {COMMAND} -->"
END = "<!-- end of keys -->"
# Parts of the schema that are a notation of their own: config/README.md explains them.
NOTATIONS = {"shapes": "shapes", "tensors": "list of tensors"}


def resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A node of the schema with its $ref laid under it."""
    if "$ref" not in node:
        return dict(node)
    found = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return {**found, **{key: value for key, value in node.items() if key != "$ref"}}


def keys(node: Mapping[str, Any], schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key, dotted, with its resolved schema; a section comes before its keys."""
    for name, inner in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, inner
        yield from keys(resolved(inner, schema), schema, f"{path}.")


def kind(node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Type or values of a key, in words."""
    notation = NOTATIONS.get(str(node.get("$ref", "")).removeprefix("#/$defs/"))
    if notation:
        return notation
    node = resolved(node, schema)
    if "oneOf" in node:
        return " or ".join(kind(one, schema) for one in node["oneOf"])
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return ", ".join(f"`{_flow(value)}`" for value in node["enum"])
    if isinstance(node["type"], list):
        return " or ".join(kind({**node, "type": one}, schema) for one in node["type"])
    if node["type"] == "array":
        return f"list of {kind(node['items'], schema)}"
    if node["type"] in ("integer", "number"):
        return f"{node['type']}{_limits(node)}"
    return {"string": "text", "object": "mapping", "boolean": "`true` or `false`", "null": "`null`"}[node["type"]]


def _limits(node: Mapping[str, Any]) -> str:
    parts = [f"multiple of {node['multipleOf']}"] if "multipleOf" in node else []
    if "minimum" in node and "maximum" in node:
        parts.append(f"{node['minimum']} to {node['maximum']}")
    elif "minimum" in node:
        parts.append(f"at least {node['minimum']}")
    elif "exclusiveMinimum" in node:
        parts.append(f"above {node['exclusiveMinimum']}")
    return "".join(f", {part}" for part in parts)


def default(path: str, config: Mapping[str, Any]) -> Any:
    """The value of a dotted key. Raises KeyError when the configuration lacks it."""
    value: Any = config
    for part in path.split("."):
        value = value[part]
    return value


def _flow(value: Any) -> str:
    """A value as it stands in YAML, on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").replace("'", '"')


def table(schema: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """All keys: name, type or values, default, description."""
    lines = ["| key | type or values | default | description |", "|---|---|---|---|"]
    for path, node in keys(schema, schema):
        section = "properties" in resolved(node, schema)
        cells = [
            f"**`{path}`**" if section else f"`{path}`",
            "" if section else kind(node, schema),
            "" if section else f"`{_flow(default(path, config))}`",
            resolved(node, schema).get("description", ""),
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def written_into(text: str, rows: str, begin: str = BEGIN, end: str = END) -> str:
    """`text` with the block between the markers replaced. Raises ValueError when a marker is missing."""
    head, found_begin, rest = text.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"the markers {begin} and {end} are not both there")
    return f"{head}{begin}\n\n{rows}\n\n{end}{tail}"


def current() -> str:
    """The table of the project's schema and default configuration."""
    schema = yaml.safe_load((SCRIPTS.parent / "schemas" / "config.schema.yaml").read_text(encoding="utf-8"))
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    return table(schema, config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="Markdown file to bring up to date; without it the table is printed")
    target = parser.parse_args().write
    if target is None:
        print(current())
    else:
        target.write_text(written_into(target.read_text(encoding="utf-8"), current()), encoding="utf-8")


if __name__ == "__main__":
    main()
