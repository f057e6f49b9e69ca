"""The convolutional network of the demo (LeNet with 20 and 50 filters) for handwritten digits."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

MEAN, STD = 0.1307, 0.3081  # of the MNIST training pixels, scaled to 0…1


def build() -> nn.Module:
    """The untrained network: input FP32 [n, 1, 28, 28], output log-probabilities FP32 [n, 10]."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(),
        nn.Linear(500, 10), nn.LogSoftmax(1),
    )  # fmt: skip


def prepare(images: np.ndarray) -> dict[str, np.ndarray]:
    """Images uint8 [n, 28, 28] as the network's input: normalised float32 [n, 1, 28, 28]."""
    scaled = (images.astype(np.float32) / 255 - MEAN) / STD
    return {"input": scaled[:, None].astype(np.float32)}


def augment(inputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Rotate, scale, shear and shift each image of a batch [n, 1, 28, 28] a little, at random."""
    count = len(inputs)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(count, *shape, generator=generator) * 2 - 1

    angle, scale, shear = 0.25 * uniform(), 1 + 0.15 * uniform(), 0.2 * uniform()
    theta = torch.stack(
        [
            torch.stack([torch.cos(angle), -torch.sin(angle) + shear], 1) * scale[:, None],
            torch.stack([torch.sin(angle), torch.cos(angle)], 1) * scale[:, None],
        ],
        1,
    )
    grid = functional.affine_grid(torch.cat([theta, 0.15 * uniform(2, 1)], 2), list(inputs.shape), False)
    return functional.grid_sample(inputs, grid, padding_mode="border", align_corners=False)
