"""A PyTriton server: the model bound to Triton from this very Python process, as in the demo.

`eager` runs model.pt with PyTorch; `engine` runs the OpenVINO engine. Loopback only. An access token guards shared
memory, repository, trace and logging calls; statistics stay open, because perf_analyzer reads them.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig, TritonSecurityConfig
from tritonclient.utils import triton_to_np_dtype

from program import cli

HOST = "127.0.0.1"
GUARDED = ["shared-memory", "model-repository", "trace", "logging"]

Infer = Callable[..., dict[str, np.ndarray]]


def eager(artifact: Path, outputs: list[str]) -> Infer:
    """The module of a model.pt, called as it is."""
    import torch

    from models.interface import load_checkpoint

    module, _ = load_checkpoint(artifact)

    def infer(**inputs: np.ndarray) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            result = module(*[torch.from_numpy(array) for array in inputs.values()])
        results = result if isinstance(result, tuple) else (result,)
        return {name: tensor.numpy() for name, tensor in zip(outputs, results)}

    return infer


def tensors(described: Mapping[str, Any]) -> list[Tensor]:
    """PyTriton's description of `model.inputs` or `model.outputs` of the config."""
    return [
        Tensor(name=name, dtype=triton_to_np_dtype(tensor["dtype"]), shape=tuple(tensor["dims"]))
        for name, tensor in described.items()
    ]


def main(options: argparse.Namespace) -> None:
    settings = options.settings
    config = TritonConfig(
        http_address=HOST,
        grpc_address=HOST,
        metrics_address=HOST,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        log_verbose=0,
    )
    security = TritonSecurityConfig(restricted_endpoints=GUARDED)
    with Triton(config=config, security_config=security) as triton:
        triton.bind(
            model_name=settings["name"],
            infer_func=batch(eager(options.artifact, list(settings["outputs"]))),
            inputs=tensors(settings["inputs"]),
            outputs=tensors(settings["outputs"]),
            config=ModelConfig(
                max_batch_size=settings["max_batch_size"],
                batcher=DynamicBatcher(max_queue_delay_microseconds=settings["max_queue_delay_us"]),
            ),
            strict=False,
        )
        triton.serve()


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    cli.add_settings(
        result, '{"name": …, "inputs": …, "outputs": …, "max_batch_size": …, "max_queue_delay_us": …}'
    )
    result.add_argument("--artifact", type=Path, required=True, help="model.pt")
    for name, port in (("http", 8000), ("grpc", 8001), ("metrics", 8002)):
        result.add_argument(f"--{name}-port", type=int, default=port, help=f"default: {port}")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
