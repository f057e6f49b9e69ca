"""One value per sample in and out: `dims: []`."""

CONFIG = {
    "model": {
        "inputs": [{"name": "features", "dtype": "FP32", "dims": [5]}, {"name": "scale", "dtype": "FP32", "dims": []}],
        "outputs": [{"name": "price", "dtype": "FP32", "dims": []}],
    },
    "profile": {"min": "features:1x5,scale:1", "opt": "features:4x5,scale:4", "max": "features:8x5,scale:8"},
    "variants": ["openvino", "onnx", "torchscript", "pytriton", "null"],
}


def build():
    import torch

    class Price(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(5, 1)

        def forward(self, features, scale):
            return self.linear(features).squeeze(1) * scale

    return Price()
