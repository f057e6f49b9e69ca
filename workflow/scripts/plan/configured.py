"""The configuration outside of Snakemake: config/config.yaml, and an overlay over it; what an overlay must be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from snakemake.utils import update_config

from program.cli import UserError

PROJECT = Path(__file__).resolve().parents[3]


def configured(overlay: Path | None) -> dict[str, Any]:
    """The configuration as Snakemake merges it, not checked. Raises UserError when the overlay cannot be read."""
    config: dict[str, Any] = yaml.safe_load((PROJECT / "config" / "config.yaml").read_text(encoding="utf-8"))
    if overlay is not None:
        update_config(config, mapping(overlay))
    return config


def mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises UserError, with the line, if there is none or a key is given twice."""
    hint = "config/README.md says what it may have"
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except OSError as error:
        raise UserError(f"configuration {path} does not exist.", "correct --configfile path/to/overlay.yaml") from error
    except UnicodeDecodeError as error:
        raise UserError(f"configuration {path} is not text.", hint) from error
    except yaml.YAMLError as error:
        line = (
            f":{error.problem_mark.line + 1}" if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark else ""
        )
        what = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"configuration {path}{line}: {what}.", "correct this line; indent with spaces") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"configuration {path} is not a YAML mapping.", hint)
    for key in _given_twice(node):
        what = f"configuration {path}:{key.start_mark.line + 1}: {key.value} is given twice."
        raise UserError(what, "merge the two, or remove one")
    return content


def _given_twice(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """The keys that the same mapping has already."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key
                seen.add(key.value)
            yield from _given_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _given_twice(value)
