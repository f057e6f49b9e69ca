"""Model repositories: add a model to one, copy one, and read its configurations."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from program.files import members, sha256, whole_directory, write_json
from program.temporary import scratch
from serve import modelconfig

PYTRITON = "pytriton.json"


@contextmanager
def written(repository: Path, listing: Path) -> Iterator[Path]:
    """Yield an empty temporary directory; it becomes the repository if the block succeeds.

    listing: gets the SHA-256 of every file. Snakemake compares files by their contents, directories by time stamps.
    """
    with whole_directory(repository) as temporary:
        yield temporary
        write_json(listing, {path.relative_to(temporary).as_posix(): sha256(path) for path in members(temporary)})


def add_model(repository: Path, config: Any, files: Mapping[str, Path]) -> None:
    """Write `<model>/config.pbtxt` and copy `files` into `<model>/1/`. The keys of `files` are the names there."""
    version = repository / config.name / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")
    copy_files(version, files)


def copy_files(directory: Path, files: Mapping[str, Path]) -> None:
    """Copy files into a directory, under names that may have directories of their own."""
    for name, source in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, directory / name)


def processing(model_file: Path | None, beside: Sequence[Path]) -> dict[str, Path]:
    """The model file and what it needs, by their names in a repository, where it is processing.py.

    Files that are not below the model file's directory stay where they are: it names them by their whole path.
    """
    if model_file is None:
        return {}
    own = model_file.resolve().parent
    below = [path for path in beside if path.resolve().is_relative_to(own)]
    return {"processing.py": model_file, **{str(path.resolve().relative_to(own)): path for path in below}}


def add_linked(repository: Path, config: Any, original: Path) -> None:
    """Add the model in directory `original` with another ModelConfig, under its name; the files are links."""
    model = repository / config.name
    model.mkdir(parents=True)
    for path in original.resolve().iterdir():
        if path.name != "config.pbtxt":
            (model / path.name).symlink_to(path)
    (model / "config.pbtxt").write_text(modelconfig.text(config), encoding="utf-8")


def add_models_of(repository: Path, other: Path) -> list[Any]:
    """Copy every model of another repository; returns their ModelConfigs."""
    for model in _models(other):
        shutil.copytree(model, repository / model.name)
    return configs(other)


def copy(repository: Path, target: Path) -> None:
    """Copy a repository without Snakemake's time stamp and Python's caches."""
    ignored = shutil.ignore_patterns(".snakemake_timestamp", "__pycache__")
    shutil.copytree(repository, target, ignore=ignored, dirs_exist_ok=True)


@contextmanager
def together(repositories: Sequence[Path]) -> Iterator[Path]:
    """A repository with the models of several, by links; a model that stands in two of them is the same in both."""
    with scratch() as directory:
        for repository in repositories:
            for config in repository.glob("*/config.pbtxt"):
                link = directory / config.parent.name
                if not link.exists():
                    link.symlink_to(config.parent.resolve())
        yield directory


def configs(repository: Path) -> list[Any]:
    """The ModelConfigs of all models in a repository, in the order of their names."""
    return [modelconfig.parse((model / "config.pbtxt").read_text(encoding="utf-8")) for model in _models(repository)]


def _models(repository: Path) -> list[Path]:
    return sorted(path.parent for path in repository.glob("*/config.pbtxt"))
