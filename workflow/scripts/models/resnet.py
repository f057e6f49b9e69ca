"""ResNet for images (He et al. 2015, arXiv:1512.03385), as torchvision builds it: 1,000 classes of ImageNet."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def build(depth: int = 18) -> "nn.Module":
    """The network with random weights: image FP32 [n, 3, 224, 224] to scores FP32 [n, 1000], before the softmax.

    depth is 18, 34, 50, 101 or 152; torchvision's published weights fit. Raises ValueError for another depth.
    """
    from torchvision import models

    if (name := f"resnet{depth}") not in models.list_models():
        raise ValueError(f"no ResNet of depth {depth}; torchvision has 18, 34, 50, 101 and 152")
    network: nn.Module = models.get_model(name, weights=None)
    return network
