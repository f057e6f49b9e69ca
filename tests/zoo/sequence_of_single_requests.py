"""An LSTM without a batch axis, with a scalar sampling rate and two states that Triton keeps for every sequence."""

CONFIG = {
    "model": {
        "batching": False,
        "inputs": [
            {"name": "frames", "dtype": "FP32", "dims": [1, "length", 3]},
            {"name": "hidden", "dtype": "FP32", "dims": [2, 1, 5]},
            {"name": "cell", "dtype": "FP32", "dims": [2, 1, 5]},
            {"name": "rate", "dtype": "FP32", "dims": []},
        ],
        "outputs": [
            {"name": "features", "dtype": "FP32", "dims": [1, "length", 5]},
            {"name": "hidden_out", "dtype": "FP32", "dims": [2, 1, 5]},
            {"name": "cell_out", "dtype": "FP32", "dims": [2, 1, 5]},
        ],
        "state": {"hidden": "hidden_out", "cell": "cell_out"},
    },
    "profile": {
        "min": "frames:1x1x3,hidden:2x1x5,cell:2x1x5,rate:scalar",
        "opt": "frames:1x4x3,hidden:2x1x5,cell:2x1x5,rate:scalar",
        "max": "frames:1x9x3,hidden:2x1x5,cell:2x1x5,rate:scalar",
    },
    "variants": ["openvino", "torchscript", "null"],
}


def build():
    import torch

    class Recurrent(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.LSTM(3, 5, num_layers=2, batch_first=True)

        def forward(self, frames, hidden, cell, rate):
            features, (hidden, cell) = self.layers(frames * rate, (hidden, cell))
            return features, hidden, cell

    return Recurrent()
