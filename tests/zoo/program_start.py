"""A start with an exported program: `build` loads what torch.export.save wrote."""

from pathlib import Path

CONFIG = {
    "model": {
        "inputs": [{"name": "x", "dtype": "FP32", "dims": [4]}],
        "outputs": [{"name": "y", "dtype": "FP32", "dims": [2]}],
        "files": ["saved.pt2"],
    },
    "profile": {"min": "x:1x4", "opt": "x:2x4", "max": "x:4x4"},
    "variants": ["openvino", "pytriton"],
}


def given(directory):
    """The file that there is."""
    import torch

    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(torch.nn.Linear(4, 2), (torch.zeros(2, 4),), dynamic_shapes=({0: batch},))
    torch.export.save(program, directory / "saved.pt2")


def build():
    import torch

    return torch.export.load(Path(__file__).with_name("saved.pt2")).module(check_guards=False)
