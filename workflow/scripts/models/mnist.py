"""The convolutional network of the demo (LeNet with 20 and 50 filters) for handwritten digits."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

MEAN, STD = 0.1307, 0.3081  # of the MNIST training pixels, scaled to 0…1
BLANK = -MEAN / STD  # a background pixel, normalised

# Limits of the random distortions. One unit of a sampling grid is 14 pixels, half an image.
ROTATION, SHEAR = math.radians(12), math.tan(math.radians(8))
SCALE, SHIFT = 0.12, 2 / 14
# Standard deviation of the displacement at each of the control points of an elastic distortion.
ELASTIC, CONTROL_POINTS = 0.6 / 14, (6, 6)


def build() -> nn.Module:
    """The untrained network: input FP32 [n, 1, 28, 28], output log-probabilities FP32 [n, 10]."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(500, 10), nn.LogSoftmax(1),
    )  # fmt: skip


def prepare(images: np.ndarray) -> dict[str, np.ndarray]:
    """Images uint8 [n, 28, 28] as the network's input: normalised float32 [n, 1, 28, 28]."""
    scaled = (images.astype(np.float32) / 255 - MEAN) / STD
    return {"input": scaled[:, None].astype(np.float32)}


def augment(inputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Distort each image [n, 1, 28, 28]: a random affine map and a smooth random displacement."""
    grid = functional.affine_grid(_affine_maps(len(inputs), generator), list(inputs.shape), align_corners=False)
    bumps = torch.randn(len(inputs), 2, *CONTROL_POINTS, generator=generator) * ELASTIC
    smooth = functional.interpolate(bumps, inputs.shape[2:], mode="bicubic", align_corners=True)
    grid = grid + smooth.permute(0, 2, 3, 1)
    return functional.grid_sample(inputs - BLANK, grid, align_corners=False) + BLANK


def _affine_maps(count: int, generator: torch.Generator) -> torch.Tensor:
    """Random rotation, shear, scale and shift: matrices [count, 2, 3]."""

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
