"""The settings that docs/cluster.md gives for kinds of sites, as a profile of a site's own."""

import re
from pathlib import Path

import yaml

from conftest import ROOT, merged


def sites() -> dict[str, str]:
    """The YAML of each section that has some, by its heading."""
    text = (ROOT / "docs" / "cluster.md").read_text()
    return dict(re.findall(r"^#+ ([^\n]+)\n(?:(?!^#).)*?^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def written(settings: str, directory: Path) -> Path:
    """A profile of these settings added to profiles/slurm."""
    profile = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())
    directory.mkdir()
    (directory / "config.yaml").write_text(yaml.safe_dump(merged(profile, yaml.safe_load(settings))))
    return directory
