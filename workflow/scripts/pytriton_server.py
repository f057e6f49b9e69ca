"""A PyTriton server: the model bound to Triton from this very Python process, as in the demo.

Serves a directory of rule repository_pytriton until it is told to stop. Loopback only. An access token guards shared
memory, repository, trace and logging calls; statistics stay open, because perf_analyzer reads them.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import TritonConfig, TritonSecurityConfig

from model.shapes import sizes
from model.tensors import DTYPES
from program import cli
from program.files import read_json
from serve import runtime
from serve.pytriton_memory import NamedTriton
from serve.repository import PYTRITON
from serve.server import HOST, METRICS_INTERVAL_MS

GUARDED = ["shared-memory", "model-repository", "trace", "logging"]


def inference(directory: Path, description: Mapping[str, Any]) -> Callable[..., Any]:
    """The function that PyTriton calls; it refuses what is outside the profile.

    It is given a batch of each input by name, or requests where the model has no batch axis.
    """
    runs, threads = description["runs"], runtime.threads(description["threads"])
    infer = runtime.load(directory, runs["inputs"], runs["outputs"], threads, description["device"])
    low, high = ([description["profile"][bound][name] for name in runs["inputs"]] for bound in ("min", "max"))
    inputs, outputs = (
        [(tensor["name"], tensor["dims"]) for tensor in description[side]] for side in ("inputs", "outputs")
    )

    def function(**batches: np.ndarray) -> dict[str, np.ndarray]:
        # PyTriton knows no tensor without dims: the axis of 1 that clients see is not the model's.
        arrays = [batches[name] if dims else np.squeeze(batches[name], -1) for name, dims in inputs]
        for name, array, *bounds in zip(inputs, arrays, low, high):
            if not all(a <= size <= b for a, size, b in zip(bounds[0], array.shape, bounds[1])):
                what = f"{description['name']}: input {name} of shape {list(array.shape)}"
                raise ValueError(f"{what} is outside the profile {bounds[0]} to {bounds[1]}")
        results = infer(arrays)
        return {name: result if dims else np.expand_dims(result, -1) for (name, dims), result in zip(outputs, results)}

    def alone(requests: Sequence[Mapping[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        return [function(**{name: request[name] for name, _ in inputs}) for request in requests]

    return batch(function) if description["batching"] else alone


def tensors(described: Sequence[Mapping[str, Any]]) -> list[Tensor]:
    """PyTriton's description of inputs or outputs."""
    return [
        Tensor(name=tensor["name"], dtype=DTYPES[tensor["dtype"]], shape=tuple(sizes(tensor["dims"] or [1])))
        for tensor in described
    ]


def main(options: argparse.Namespace) -> None:
    description = read_json(options.directory / PYTRITON)
    config = TritonConfig(
        http_address=HOST,
        grpc_address=HOST,
        metrics_address=HOST,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        metrics_interval_ms=METRICS_INTERVAL_MS,
        log_verbose=0,
    )
    security = TritonSecurityConfig(restricted_endpoints=GUARDED)
    with NamedTriton(options.workspace, options.shared_memory, config=config, security_config=security) as triton:
        triton.bind(
            model_name=description["name"],
            infer_func=inference(options.directory, description),
            inputs=tensors(description["inputs"]),
            outputs=tensors(description["outputs"]),
            config=ModelConfig(
                batching=description["batching"],
                max_batch_size=max(1, description["max_batch_size"]),
                batcher=DynamicBatcher(max_queue_delay_microseconds=description["max_queue_delay_us"]),
            ),
        )
        triton.serve()


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--directory", type=Path, required=True, help="directory of rule repository_pytriton")
    result.add_argument("--workspace", type=Path, required=True, help="new directory for the files of the server")
    result.add_argument("--shared-memory", required=True, help="what the names of its regions in /dev/shm begin with")
    for name, port in (("http", 8000), ("grpc", 8001), ("metrics", 8002)):
        result.add_argument(f"--{name}-port", type=int, default=port, help=f"default: {port}")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
