"""Runtime for a package of AOTInductor, compiled ahead of time for this processor or GPU."""

import torch


def load(directory, config, threads, device):
    torch.set_num_threads(threads)
    index = torch.device(device).index
    model = torch._inductor.aoti_load_package(str(directory / "model.pt2"), device_index=-1 if index is None else index)

    def infer(batch):
        with torch.inference_mode():
            result = model(*[torch.from_numpy(array).to(device) for array in batch])
        results = result if isinstance(result, tuple) else (result,)
        return [tensor.cpu().numpy() for tensor in results]

    return infer
