"""A recurrent voice-activity detector in batches, whose two states Triton keeps for every sequence (`model.state`)."""

CONFIG = {
    "model": {
        "inputs": [
            {"name": "first", "dtype": "FP32", "dims": [6]},
            {"name": "second", "dtype": "FP32", "dims": [6]},
            {"name": "chunk", "dtype": "FP32", "dims": ["samples"]},
        ],
        "outputs": [
            {"name": "first_out", "dtype": "FP32", "dims": [6]},
            {"name": "second_out", "dtype": "FP32", "dims": [6]},
            {"name": "speech", "dtype": "FP32", "dims": [1]},
        ],
        "state": {"first": "first_out", "second": "second_out"},
    },
    "profile": {
        "min": "first:1x6,second:1x6,chunk:1x8",
        "opt": "first:4x6,second:4x6,chunk:4x16",
        "max": "first:8x6,second:8x6,chunk:8x32",
    },
    "variants": ["openvino", "torchscript", "null"],
}


def build():
    import torch

    class Detector(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Conv1d(1, 4, 4)
            self.layers = torch.nn.ModuleList([torch.nn.GRUCell(4, 6), torch.nn.GRUCell(6, 6)])
            self.speech = torch.nn.Linear(6, 1)

        def forward(self, first, second, chunk):
            first = self.layers[0](self.features(chunk.unsqueeze(1)).mean(2), first)
            second = self.layers[1](first, second)
            return first, second, self.speech(second).sigmoid()

    return Detector()
