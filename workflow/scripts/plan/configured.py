"""The configuration outside of Snakemake: config/config.yaml, and an overlay over it."""

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
        try:
            update_config(config, yaml.safe_load(overlay.read_text(encoding="utf-8")) or {})
        except FileNotFoundError:
            raise UserError(f"configuration {overlay} does not exist.") from None
        except (yaml.YAMLError, AttributeError) as error:
            raise UserError(f"configuration {overlay} is not a YAML mapping.", "config/README.md") from error
    return config
