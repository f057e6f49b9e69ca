"""Runtime for eager PyTorch, as trained and without an export, on CPU or CUDA.

`outputs` beside it (workflow/scripts/model/outputs.py) makes a list of what the module returns.
"""

import outputs
import processing
import torch


def load(directory, config, threads, device):
    torch.set_num_threads(threads)
    content = torch.load(directory / "model.pt", weights_only=True)
    model = processing.build(**content["arguments"])
    model.load_state_dict(content["state_dict"])
    model = outputs.evaluating(model).to(device)

    def infer(batch):
        with torch.inference_mode():
            result = model(*[torch.from_numpy(array).to(device) for array in batch])
        return [tensor.cpu().numpy() for tensor in outputs.tensors_of(result)]

    return infer
