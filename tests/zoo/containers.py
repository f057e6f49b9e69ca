"""Outputs in a dict, a list and a dataclass, nested."""

from dataclasses import dataclass
from typing import Any

CONFIG = {
    "model": {
        "inputs": [{"name": "image", "dtype": "FP32", "dims": [3, 4, 4]}],
        "outputs": [
            {"name": "masks", "dtype": "FP32", "dims": [2, 4, 4]},
            {"name": "pyramid_0", "dtype": "FP32", "dims": [2]},
            {"name": "pyramid_1", "dtype": "FP32", "dims": [2]},
            {"name": "logits", "dtype": "FP32", "dims": [2]},
        ],
    },
    "profile": {"min": "image:1x3x4x4", "opt": "image:2x3x4x4", "max": "image:4x3x4x4"},
    "variants": ["openvino", "torchscript", "pytriton"],
}


@dataclass
class Result:
    logits: Any
    loss: Any = None


def build():
    import torch

    class Segmenter(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 2, 1)

        def forward(self, image):
            masks = self.conv(image)
            mean = masks.mean((2, 3))
            return {"masks": masks, "pyramid": [mean, mean * 2], "head": Result(mean.tanh())}

    return Segmenter()
