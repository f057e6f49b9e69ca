"""A recurrent voice-activity detector whose state Triton keeps for every sequence (`model.state`)."""

CONFIG = {
    "model": {
        "inputs": [
            {"name": "state", "dtype": "FP32", "dims": [6]},
            {"name": "chunk", "dtype": "FP32", "dims": ["samples"]},
        ],
        "outputs": [
            {"name": "state_out", "dtype": "FP32", "dims": [6]},
            {"name": "speech", "dtype": "FP32", "dims": [1]},
        ],
        "state": {"state": "state_out"},
    },
    "profile": {
        "min": "state:1x6,chunk:1x8",
        "opt": "state:4x6,chunk:4x16",
        "max": "state:8x6,chunk:8x32",
    },
    "variants": ["openvino", "torchscript", "null"],
}


def build():
    import torch

    class Detector(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Conv1d(1, 4, 4)
            self.recurrent = torch.nn.GRUCell(4, 6)
            self.speech = torch.nn.Linear(6, 1)

        def forward(self, state, chunk):
            state = self.recurrent(self.features(chunk.unsqueeze(1)).mean(2), state)
            return state, self.speech(state).sigmoid()

    return Detector()
