"""Model repositories as directories: putting a model into one, and reading what is in it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serve import modelconfig

PYTRITON = "pytriton.json"


def add_model(repository: Path, config: Any, files: Mapping[str, Path]) -> None:
    """Write `<model>/config.pbtxt` and copy `files`, by their names there, into `<model>/1/`."""
    version = repository / config.name / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
    for name, source in files.items():
        shutil.copy(source, version / name)


def add_models_of(repository: Path, other: Path) -> list[Any]:
    """Copy every model of another repository; returns their configs."""
    for model in _models(other):
        shutil.copytree(model, repository / model.name)
    return configs(other)


def copy(repository: Path, target: Path) -> None:
    """Copy a repository without what programs left in it: Snakemake its time stamp, Python its caches."""
    ignored = shutil.ignore_patterns(".snakemake_timestamp", "__pycache__")
    shutil.copytree(repository, target, ignore=ignored, dirs_exist_ok=True)


def configs(repository: Path) -> list[Any]:
    """The ModelConfig of every model in a repository, by name."""
    return [modelconfig.parse((model / "config.pbtxt").read_text(encoding="utf-8")) for model in _models(repository)]


def _models(repository: Path) -> list[Path]:
    return sorted(path.parent for path in repository.glob("*/config.pbtxt"))
