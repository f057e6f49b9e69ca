"""A voice-activity detector's step: a scalar sampling rate, a state whose batch is its second axis."""

CONFIG = {
    "model": {
        "batching": False,
        "inputs": [
            {"name": "chunk", "dtype": "FP32", "dims": [1, "samples", 4]},
            {"name": "state", "dtype": "FP32", "dims": [1, 1, 6]},
            {"name": "rate", "dtype": "FP32", "dims": []},
        ],
        "outputs": [
            {"name": "speech", "dtype": "FP32", "dims": [1, "samples", 6]},
            {"name": "state_out", "dtype": "FP32", "dims": [1, 1, 6]},
        ],
    },
    "profile": {
        "min": "chunk:1x2x4,state:1x1x6,rate:scalar",
        "opt": "chunk:1x8x4,state:1x1x6,rate:scalar",
        "max": "chunk:1x16x4,state:1x1x6,rate:scalar",
    },
    "variants": ["onnx", "torchscript", "pytriton", "null"],
    "serving": {"backend": "python"},
}


def build():
    import torch

    class Detector(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent = torch.nn.GRU(4, 6, batch_first=True)

        def forward(self, chunk, state, rate):
            return self.recurrent(chunk * rate, state)

    return Detector()
