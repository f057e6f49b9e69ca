"""A start with TorchScript: `build` loads what torch.jit.save wrote."""

from pathlib import Path

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [4]}],
        "outputs": [{"name": "y", "dtype": "FP32", "dims": [2]}],
        "files": ["saved.ts"],
    },
    "profile": {"min": "x:1x4", "opt": "x:2x4", "max": "x:4x4"},
    "variants": ["torchscript", "pytriton"],
}


def given(directory):
    """The file that there is."""
    import torch

    torch.jit.save(torch.jit.script(torch.nn.Linear(4, 2)), directory / "saved.ts")


def build():
    import torch

    return torch.jit.load(Path(__file__).with_name("saved.ts"))
