"""Rule dataset: train.npz and test.npz, as the model file's function `dataset` gives them.

Each holds the raw samples first, and `labels` where there are some.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from model.source import load_file
from model.tensors import Arrays
from program import cli
from program.cli import log
from program.files import sha256, whole_file, write_json


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


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    given = {**settings, "mirrors": options.mirrors, "retries": options.retries}
    splits = load_file(options.model_file).dataset(given, options.downloads)
    paths = (options.train, options.test)
    for split, path in zip(splits, paths):
        with whole_file(path) as temporary:
            np.savez_compressed(temporary, **split)
    described = {path.stem: describe(split, path) for split, path in zip(splits, paths)}
    write_json(options.summary, {"source": settings["source"], **described})
    log.info("%d samples to train, %d to test", *(one["count"] for one in described.values()))


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, '{"source": dataset.source, …} with the keys that DATASETS of the model file names')
    result.add_argument("--model-file", type=Path, required=True, help="Python file of the model")
    result.add_argument("--mirrors", nargs="+", default=[], help="URLs or local directories, tried in order")
    result.add_argument("--retries", type=int, default=2, help="further attempts per file and mirror")
    result.add_argument("--downloads", type=Path, default=Path("downloads"), help="directory for downloaded files")
    result.add_argument("--train", type=Path, required=True, help="output: train.npz")
    result.add_argument("--test", type=Path, required=True, help="output: test.npz")
    result.add_argument("--summary", type=Path, required=True, help="output: dataset.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
