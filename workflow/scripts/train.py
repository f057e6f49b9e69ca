"""Rule train: the model's weights, and what they are worth on the test set.

model.pt holds the weights (loadable with `weights_only=True`) and names the model file; metrics.json holds accuracy,
loss and how they came about. Same seed, machine and number of threads give the same bytes.
"""

import argparse
import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm

from evaluate import accuracy
from models.interface import checkpoint, load_file, predict
from program import cli
from program.cli import UserError, log
from program.files import whole_file, write_json

# Share of the steps in which the learning rate rises.
WARM_UP = 0.2


def make_deterministic(seed: int, threads: int) -> torch.Generator:
    """Fix everything that training's random numbers and sums depend on."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    # Filling memory that is overwritten at once only costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_num_threads(threads)
    return torch.Generator().manual_seed(seed)


def train(
    source: ModuleType, images: np.ndarray, labels: np.ndarray, settings: Mapping[str, Any]
) -> tuple[torch.nn.Module, float]:
    """Train the model of a model file; returns it with the mean loss of the last epoch.

    images uint8 [n, …], labels uint8 [n]; `settings` as in the config. AdamW under a one-cycle schedule; the loss is
    the negative log-likelihood of the module's log-probabilities.
    """
    generator = make_deterministic(settings["seed"], settings["threads"])
    inputs = torch.from_numpy(next(iter(source.prepare(images).values())))
    targets = torch.from_numpy(labels.astype(np.int64))
    # Convolutions on CPU run half as fast again with the channels last.
    layout = torch.channels_last if inputs.dim() == 4 else torch.contiguous_format
    module = source.build().to(memory_format=layout).train()
    augment = getattr(source, "augment", lambda given, _generator: given)
    steps = settings["epochs"] * math.ceil(len(targets) / settings["batch_size"])
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=settings["weight_decay"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings["learning_rate"], total_steps=steps, pct_start=WARM_UP, cycle_momentum=False
    )
    mean_loss = 0.0
    progress = tqdm(range(settings["epochs"]), desc="train", unit="epoch", mininterval=2)
    for _ in progress:
        distorted = augment(inputs, generator)
        total = 0.0
        for chosen in torch.randperm(len(targets), generator=generator).split(settings["batch_size"]):
            batch = distorted[chosen].contiguous(memory_format=layout)
            loss = functional.nll_loss(module(batch), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        mean_loss = total / len(targets)
        progress.set_postfix(loss=f"{mean_loss:.4f}")
    return module.to(memory_format=torch.contiguous_format).eval(), mean_loss


def load_split(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of train.npz or test.npz."""
    with np.load(path) as data:
        return data["images"], data["labels"]


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    source = load_file(options.model_file)
    images, labels = load_split(options.train)
    test_images, test_labels = load_split(options.test)
    start = time.perf_counter()
    module, loss = train(source, images, labels, settings)
    seconds = time.perf_counter() - start
    value = accuracy(predict(module, source.prepare(test_images))[0], test_labels)
    log.info("accuracy %.4f on %d test images after %.0f s", value, len(test_labels), seconds)
    if value < settings["min_accuracy"]:
        raise UserError(
            f"accuracy {value:.4f} is below train.min_accuracy {settings['min_accuracy']:g}.",
            "train for more epochs, or lower train.min_accuracy",
        )
    metrics = {
        "accuracy": value,
        "loss": loss,
        "train_samples": len(labels),
        "test_samples": len(test_labels),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "seed": settings["seed"],
        "epochs": settings["epochs"],
        "seconds": round(seconds, 1),
    }
    with whole_file(options.model) as temporary:
        temporary.write_bytes(checkpoint(module, options.model_file))
    write_json(options.metrics, metrics)


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(result, "train")
    result.add_argument("--model-file", type=Path, required=True, help="Python file of the model")
    result.add_argument("--train", type=Path, required=True, help="train.npz")
    result.add_argument("--test", type=Path, required=True, help="test.npz")
    result.add_argument("--model", type=Path, required=True, help="output: model.pt")
    result.add_argument("--metrics", type=Path, required=True, help="output: metrics.json")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
