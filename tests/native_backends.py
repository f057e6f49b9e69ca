"""Small models for the native backends, and the bundled Triton that serves them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from openvino import opset13 as ops
from serving import install, modelconfig, server
from tritonclient import grpc, http

import backend
from program.process import child

WIDTH = 5
MAX_BATCH = 16
TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}


class Twice(torch.nn.Module):
    """Two inputs, two outputs: twice the first, and the sum of each row of the second, one value for each sample."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return first * 2, second.sum(dim=1)


def tensor(name: str, dtype: str, dims: Sequence[Any]) -> dict[str, Any]:
    """A tensor as the config has it."""
    return {"name": name, "dtype": dtype, "dims": list(dims)}


def profile(inputs: Sequence[Mapping[str, Any]], low: int = 1, high: int = MAX_BATCH) -> dict[str, Any]:
    return modelconfig.fixed_profile(inputs, low, high)


def config(
    name: str,
    engine: str,
    inputs: Sequence[Mapping[str, Any]],
    outputs: Sequence[Mapping[str, Any]],
    shapes: Mapping[str, Any] | None = None,
    **serving: Any,
) -> Any:
    """The ModelConfig of a model that a native backend serves."""
    settings = {"instances": 1, "threads": 1, "max_queue_delay_us": 0, "device": "cpu"} | serving
    result = modelconfig.python_model(name, inputs, outputs, shapes or profile(inputs), settings)
    result.backend = backend.PREFIX + engine
    return result


def add_model(repository: Path, model: Any) -> Path:
    """Write config.pbtxt; returns the directory of version 1."""
    version = repository / model.name / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(modelconfig.text(model))
    return version


def write_openvino(path: Path, dtype: str = "FP32", high: int = MAX_BATCH) -> None:
    """A blob that answers with its input plus itself, or with its contrary where it is BOOL."""
    shape = openvino.PartialShape([openvino.Dimension(1, high), openvino.Dimension(WIDTH)])
    given = ops.parameter(shape, TYPES[dtype], name="input")
    given.output(0).tensor.set_names({"input"})
    result = ops.logical_not(given) if dtype == "BOOL" else ops.add(given, given)
    result.output(0).tensor.set_names({"output"})
    model = openvino.Model([result], [given], "f32")
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    path.write_bytes(compiled.export_model().getvalue())


def write_torchscript(path: Path, module: torch.nn.Module) -> None:
    torch.jit.script(module.eval()).save(str(path))


def write_aotinductor(path: Path, module: torch.nn.Module, examples: Sequence[torch.Tensor]) -> None:
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    program = torch.export.export(module, tuple(examples), dynamic_shapes=tuple({0: batch} for _ in examples))
    torch._inductor.aoti_compile_and_package(
        program, package_path=str(path), inductor_configs={"cpp.dynamic_threads": True}
    )


@contextmanager
def running(
    repository: Path,
    backends: Path,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    timeout: float = 120.0,
) -> Iterator[server.Server]:
    """The bundled Triton with native backends; models may fail to load. Yields when it answers."""
    parts = install.bundled(directory / "install")
    for one in backends.iterdir():
        (parts.backend_directory / one.name).symlink_to(one.resolve())
    libraries = [parts.env["LD_LIBRARY_PATH"], *map(str, backend.library_directories())]
    ports, log_file = server.free_ports(), directory / "server.log"
    command = [
        parts.binary,
        f"--model-repository={repository}",
        f"--backend-directory={parts.backend_directory}",
        *(f"--{kind}-address={server.HOST}" for kind in ("http", "grpc", "metrics")),
        *(f"--{kind}-port={getattr(ports, kind)}" for kind in ("http", "grpc", "metrics")),
        "--exit-on-error=false",
        "--strict-readiness=false",
        "--exit-timeout-secs=10",
        *arguments,
    ]
    env = parts.env | {"LD_LIBRARY_PATH": ":".join(libraries)} | dict(environment or {})
    with log_file.open("wb") as output, child(command, output, env=env) as process:
        found = server.Server(ports, log_file, process)
        _wait(found, timeout)
        yield found


def _wait(found: server.Server, timeout: float) -> None:
    import time

    client = http.InferenceServerClient(found.http)
    deadline = time.monotonic() + timeout
    while True:
        assert found.process.poll() is None, found.log_file.read_text(errors="replace")[-3000:]
        try:
            if client.is_server_ready():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, found.log_file.read_text(errors="replace")[-3000:]
        time.sleep(0.1)


def infer(client: Any, model: str, **arrays: np.ndarray) -> Any:
    """The answer to one request over gRPC."""
    inputs = []
    for name, array in arrays.items():
        dtype = next(key for key, value in TYPES.items() if value == array.dtype.type)
        one = grpc.InferInput(name, array.shape, dtype)
        one.set_data_from_numpy(array)
        inputs.append(one)
    return client.infer(model, inputs)
