"""FP16 in and out."""

CONFIG = {
    "model": {
        "inputs": [{"name": "input", "dtype": "FP16", "dims": [8]}],
        "outputs": [
            {"name": "output", "dtype": "FP16", "dims": [3], "scores": True, "tolerance": {"max_abs_error": 0.05}}
        ],
    },
    "profile": {"min": "input:1x8", "opt": "input:2x8", "max": "input:4x8"},
    "variants": ["openvino", "onnx", "torchscript", "pytriton"],
}


def build():
    import torch

    return torch.nn.Linear(8, 3).half()
