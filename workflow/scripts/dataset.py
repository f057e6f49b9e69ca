"""Rule dataset: train.npz and test.npz, as the model file's function `dataset` gives them.

Each holds the raw samples first, and `labels` where there are some.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from model.source import load_file
from model.tensors import Arrays
from plan.settings.dataset import Dataset
from program.cli import log
from program.files import sha256, whole_file, write_json
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Dataset
    model_file: Annotated[Path, "Python file of the model"]
    mirrors: Annotated[list[str], "URLs or local directories, tried in order"]
    train: Annotated[Path, "output: train.npz"]
    test: Annotated[Path, "output: test.npz"]
    summary: Annotated[Path, "output: dataset.json"]
    retries: Annotated[int, "further attempts per file and mirror"] = 2
    downloads: Annotated[Path, "directory for downloaded files"] = Path("downloads")


def describe(split: Arrays, path: Path) -> dict[str, Any]:
    """Counts and checksum of one split; `per_class` where the labels are classes."""
    labels = split.get("labels")
    classes = labels is not None and labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)
    return {
        "file": path.name,
        "count": len(next(iter(split.values()))),
        **({"per_class": np.bincount(labels).tolist()} if classes and labels is not None else {}),
        "sha256": sha256(path),
    }


def main(job: Job) -> None:
    settings = job.settings
    given = {"source": settings.source, **settings.options, "mirrors": job.mirrors, "retries": job.retries}
    splits = load_file(job.model_file).dataset(given, job.downloads)
    paths = (job.train, job.test)
    for split, path in zip(splits, paths):
        with whole_file(path) as temporary:
            np.savez_compressed(temporary, **split)
    described = {path.stem: describe(split, path) for split, path in zip(splits, paths)}
    write_json(job.summary, {"source": settings.source, **described})
    log.info("%d samples to train, %d to test", *(one["count"] for one in described.values()))


if __name__ == "__main__":
    run(main, Job, __doc__)
