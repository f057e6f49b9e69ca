"""An output's axis that is a fraction of an input's: `frames/4`."""

CONFIG = {
    "model": {
        "inputs": [{"name": "spec", "dtype": "FP32", "dims": [3, "frames"]}],
        "outputs": [{"name": "tokens", "dtype": "FP32", "dims": [2, "frames/4"]}],
    },
    "profile": {"min": "spec:1x3x8", "opt": "spec:2x3x16", "max": "spec:4x3x40"},
    "variants": ["openvino", "torchscript", "null"],
}


def build():
    import torch

    return torch.nn.Conv1d(3, 2, 4, stride=4)
