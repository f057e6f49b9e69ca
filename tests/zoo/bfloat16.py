"""BF16 in or out."""

CONFIG = {
    "model": {
        "inputs": [{"name": "input", "dtype": "BF16", "dims": [8]}],
        "outputs": [{"name": "output", "dtype": "FP32", "dims": [8]}],
    },
    "profile": {"min": "input:1x8", "opt": "input:2x8", "max": "input:4x8"},
    "variants": ["pytriton"],
}
REFUSED = (
    "model.inputs.0.dtype: no tensor of a request can be BF16 in Python. Hint: cast it in the model: BF16 inside, FP32 "
    "or FP16 outside"
)


def build():
    import torch

    return torch.nn.Identity()
