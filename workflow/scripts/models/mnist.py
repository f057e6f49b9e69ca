"""The demo's convolutional network for handwritten digits (LeNet with 20 and 50 filters).

Functions import PyTorch only where they need it, because the served `bls` and `ensemble` use only the numpy parts.
"""

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import nn

MEAN, STD = 0.1307, 0.3081  # of the MNIST training pixels, scaled to 0…1
SIZE = (28, 28)
BOX = 20  # side of the square that a digit fills in the data set, in pixels
FORMATS = ("PNG", "JPEG", "GIF", "BMP")  # of image files
MOST_PIXELS = 4096 * 4096  # of an image; decoding needs about 20 bytes for each
INK = 40  # grey value above which a pixel of a scan is ink and not noise
BLANK = -MEAN / STD  # a background pixel, normalised

# Limits of the random distortions. One unit of a sampling grid is 14 pixels, half an image.
ROTATION, SHEAR = math.radians(12), math.tan(math.radians(8))
SCALE, SHIFT = 0.12, 2 / 14
# Standard deviation of the displacement at each of the control points of an elastic distortion.
ELASTIC, CONTROL_POINTS = 0.6 / 14, (6, 6)


# The keys that the content of each data set depends on, and their limits: ten classes with equal numbers.
DATASETS = {"embedded": ("test_size", "seed"), "mnist": ()}
DATASET_LIMITS = {"test_size": {"ge": 10, "le": 4990, "multiple_of": 10}}


def dataset(settings: Mapping[str, Any], downloads: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Training and test set: images uint8 [n, 28, 28] and labels uint8 [n]."""
    from models import mnist_data

    if settings["source"] == "embedded":
        splits = mnist_data.embedded(settings["test_size"], settings["seed"])
    else:
        splits = mnist_data.official(settings["mirrors"], settings["retries"], downloads)
    train, test = ({"images": images, "labels": labels} for images, labels in splits)
    return train, test


def build() -> "nn.Module":
    """The untrained network: input FP32 [n, 1, 28, 28], output log-probabilities FP32 [n, 10]."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(500, 10), nn.LogSoftmax(1),
    )  # fmt: skip


def prepare(images: np.ndarray) -> dict[str, np.ndarray]:
    """The network's input for images uint8 [n, 28, 28]: normalised float32 [n, 1, 28, 28]."""
    scaled = (images.astype(np.float32) / 255 - MEAN) / STD
    return {"input": scaled[:, None].astype(np.float32)}


def interpret(scores: np.ndarray) -> dict[str, np.ndarray]:
    """The answer for log-probabilities [n, 10]: label int64 [n, 1] and probability float32 [n, 1]."""
    return {
        "label": scores.argmax(1).astype(np.int64)[:, None],
        "probability": np.exp(scores.max(1)).astype(np.float32)[:, None],
    }


def decode(data: bytes) -> np.ndarray:
    """An image file (PNG, JPEG, GIF or BMP) in the form of the data set: uint8 [28, 28], white on black, centred.

    Raises ValueError if `data` is not such an image, or if it has more than MOST_PIXELS.
    """
    from PIL import Image, ImageOps

    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception as error:  # whatever Pillow finds wrong in it
        raise ValueError("not an image that can be read") from error
    if opened.width * opened.height > MOST_PIXELS:
        raise ValueError(f"an image of {opened.width} × {opened.height} pixels, more than {MOST_PIXELS} in all")
    try:
        image = opened.convert("RGBA")
    except Exception as error:
        raise ValueError("not an image that can be read") from error
    # Transparent pixels count as paper.
    paper = Image.new("RGBA", image.size, "white")
    grey = Image.alpha_composite(paper, image).convert("L")
    # A digit covers less than half of its image: a light image is ink on paper.
    if np.median(np.asarray(grey)) > 127:
        grey = ImageOps.invert(grey)
    if grey.size == SIZE:
        return np.asarray(grey, np.uint8)
    return _centred(grey)


def _centred(grey: "Image.Image") -> np.ndarray:
    """The digit scaled to 20 × 20 with its centre of mass in the middle, as in MNIST."""
    from PIL import Image

    box = grey.point(lambda value: 255 if value > INK else 0).getbbox()
    if box is None:
        return np.zeros(SIZE, np.uint8)
    digit = grey.crop(box)
    scale = BOX / max(digit.size)
    size = (max(1, round(digit.width * scale)), max(1, round(digit.height * scale)))
    pixels = np.asarray(digit.resize(size, Image.Resampling.LANCZOS))
    # Specks may vanish in the scaling.
    weights = pixels / max(int(pixels.sum()), 1)
    row, column = (float((weights.sum(1 - axis) * np.arange(pixels.shape[axis])).sum()) for axis in (0, 1))
    top = min(max(round(SIZE[0] / 2 - row - 0.5), 0), SIZE[0] - pixels.shape[0])
    left = min(max(round(SIZE[1] / 2 - column - 0.5), 0), SIZE[1] - pixels.shape[1])
    result = np.zeros(SIZE, np.uint8)
    result[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return result


def train(module: "nn.Module", inputs: dict[str, np.ndarray], labels: np.ndarray, settings: Mapping[str, Any]) -> float:
    """Train on images with new distortions in every epoch; returns the last epoch's mean loss."""
    from models.training import fit_classifier

    return fit_classifier(module, inputs["input"], labels, settings, augment)


def augment(inputs: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
    """Distort each image [n, 1, 28, 28]: a random affine map and a smooth random displacement."""
    import torch
    from torch.nn import functional

    grid = functional.affine_grid(_affine_maps(len(inputs), generator), list(inputs.shape), align_corners=False)
    bumps = torch.randn(len(inputs), 2, *CONTROL_POINTS, generator=generator) * ELASTIC
    smooth = functional.interpolate(bumps, inputs.shape[2:], mode="bicubic", align_corners=True)
    grid = grid + smooth.permute(0, 2, 3, 1)
    return functional.grid_sample(inputs - BLANK, grid, align_corners=False) + BLANK


def _affine_maps(count: int, generator: "torch.Generator") -> "torch.Tensor":
    """Random rotation, shear, scale and shift: matrices [count, 2, 3]."""
    import torch

    def uniform(limit: float) -> torch.Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle, shear = uniform(ROTATION), uniform(SHEAR)
    width, height = 1 + uniform(SCALE), 1 + uniform(SCALE)
    cos, sin = angle.cos(), angle.sin()
    rows = [
        cos * width, (cos * shear - sin) * height, uniform(SHIFT),
        sin * width, (sin * shear + cos) * height, uniform(SHIFT),
    ]  # fmt: skip
    return torch.stack(rows, 1).view(count, 2, 3)
