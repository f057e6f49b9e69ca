"""Rule train: the model's weights, and what they are worth on the test set.

model.pt holds the weights (loadable with `weights_only=True`), the arguments of `build` and the name of the model file;
metrics.json says how they came about, with accuracy and loss where there is a data set and training. Same seed, machine
and number of threads give the same bytes. A model file without `train` keeps its weights as given.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import torch

from model.interface import accuracy, built, checkpoint, load_weights, predict, split
from model.source import load_file
from plan.settings.train import Train
from program.cli import log
from program.files import whole_file, write_json
from program.job import run


@dataclass(frozen=True)
class Job:
    """What the rule gives, and where what it makes goes."""

    settings: Train
    model_file: Annotated[Path, "Python file of the model"]
    weights: Annotated[Path | None, "state_dict to load instead of training"]
    train: Annotated[Path | None, "train.npz, where the model file trains"]
    test: Annotated[Path | None, "test.npz, where there is a data set"]
    model: Annotated[Path, "output: model.pt"]
    metrics: Annotated[Path, "output: metrics.json"]


def make_deterministic(seed: int, threads: int) -> None:
    """Fix everything that training's random numbers and sums depend on."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    # Filling memory that is overwritten at once only costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_num_threads(threads)


def trained(source: ModuleType, module: torch.nn.Module, path: Path, settings: Train) -> dict[str, Any]:
    """Train by the model file's function on train.npz; returns what metrics.json says of it."""
    samples, labels = split(path)
    start = time.perf_counter()
    loss = source.train(module, source.prepare(samples), labels, asdict(settings))
    return {
        "loss": loss,
        "train_samples": len(samples),
        "epochs": settings.epochs,
        "seconds": round(time.perf_counter() - start, 1),
    }


def tested(source: ModuleType, module: torch.nn.Module, path: Path) -> dict[str, Any]:
    """Accuracy on test.npz, not defined without labels."""
    samples, labels = split(path)
    if labels is None:
        return {"accuracy": None, "test_samples": len(samples)}
    value = accuracy(predict(module.eval(), source.prepare(samples))[0], labels)
    log.info("accuracy %.4f on %d test samples", value, len(labels))
    return {"accuracy": value, "test_samples": len(labels)}


def main(job: Job) -> None:
    settings = job.settings
    source = load_file(job.model_file)
    make_deterministic(settings.seed, settings.threads)
    module = built(source, settings.arguments)
    metrics: dict[str, Any] = {
        "weights": "as built",
        "seed": settings.seed,
        "accuracy": None,
        "loss": None,
        "epochs": 0,
    }
    if job.weights:
        load_weights(module, job.weights)
        metrics["weights"] = "as given"
    if job.train:
        metrics |= {"weights": "trained", **trained(source, module, job.train, settings)}
    if job.test:
        metrics |= tested(source, module, job.test)
    metrics["parameters"] = sum(parameter.numel() for parameter in module.parameters())
    with whole_file(job.model) as temporary:
        temporary.write_bytes(checkpoint(module, job.model_file, settings.arguments))
    write_json(job.metrics, metrics)
    log.info("weights %s", metrics["weights"])


if __name__ == "__main__":
    run(main, Job, __doc__)
