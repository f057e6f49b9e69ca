"""Accuracy of a model.pt on a .npz of this workflow, or on images and labels in the IDX format.

Example: evaluate.py --model artifacts/<run>/model/model.pt --dataset artifacts/<run>/dataset/test.npz
A model with model.requirements needs the overlay that names them.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from model.interface import accuracy, load_checkpoint, predict, split
from models import idx
from plan import packages
from plan.configured import PROJECT, add_overlays, configured
from program import cli
from program.cli import UserError


def read(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Raw samples and labels from whichever form the command line names."""
    if options.dataset:
        try:
            samples, labels = split(options.dataset)
        except (OSError, UserError) as error:
            why = error.__cause__ or error
            raise UserError(f"{options.dataset} is not a data set of this workflow ({why}).") from error
        if labels is None:
            raise UserError(f"{options.dataset} has no labels: accuracy is not defined.")
        return samples, labels
    if not (options.images and options.labels):
        raise UserError("no data set given.", "--images and --labels, or --dataset")
    images, labels = idx.read(options.images), idx.read(options.labels)
    if len(images) != len(labels):
        raise UserError(f"{options.images} holds {len(images)} images, {options.labels} {len(labels)} labels.")
    return images, labels


def main(options: argparse.Namespace) -> None:
    if options.configfile:
        packages.use(configured(options.configfile)["model"]["requirements"], PROJECT)
    module, source = load_checkpoint(options.model)
    images, labels = read(options)
    outputs = predict(module, source.prepare(images))[0]
    value = accuracy(outputs, labels)
    errors = int((outputs.argmax(1) != labels).sum())
    if options.json:
        print(json.dumps({"accuracy": value, "errors": errors, "samples": len(labels)}))
    else:
        print(f"accuracy {value:.2%} on {len(labels):,} samples ({errors} errors)")


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--model", type=Path, required=True, help="model.pt")
    add_overlays(result)
    result.add_argument("--images", type=Path, help="IDX file of images, gzipped or not")
    result.add_argument("--labels", type=Path, help="IDX file of labels, gzipped or not")
    result.add_argument("--dataset", type=Path, help="train.npz or test.npz, instead of IDX files")
    result.add_argument("--json", action="store_true", help="print JSON")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
