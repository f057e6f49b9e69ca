"""Runtime for TorchScript on CPU or CUDA, frozen for inference."""

import torch


def load(directory, config, threads, device):
    torch.set_num_threads(threads)
    model = torch.jit.freeze(torch.jit.load(directory / "model.ts", map_location=device).eval())

    def infer(batch):
        with torch.inference_mode():
            result = model(*[torch.from_numpy(array).to(device) for array in batch])
        results = result if isinstance(result, tuple) else (result,)
        return [tensor.cpu().numpy() for tensor in results]

    return infer
