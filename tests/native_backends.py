"""Small models for the native backends, their compilation, and the bundled Triton that serves them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import openvino
import torch
from onnx import helper
from openvino import opset13 as ops
from tritonclient import grpc
from tritonclient.utils import np_to_triton_dtype

import backend
from model.signature import Signature, Tensor
from program.process import child
from serve import install, modelconfig, server
from serve.endpoint import Place
from serve.serving import Serving

WIDTH = 5
MAX_BATCH = 16
OPENVINO_TYPES = {
    "BOOL": openvino.Type.boolean,
    **{
        f"{kind}{bits}": getattr(openvino.Type, f"{kind[0].lower()}{bits}")
        for kind in ("UINT", "INT")
        for bits in (8, 16, 32, 64)
    },
    **{"FP16": openvino.Type.f16, "FP32": openvino.Type.f32, "FP64": openvino.Type.f64, "BF16": openvino.Type.bf16},
}


def build(directory: Path, engines: Sequence[str], sanitize: str = "") -> Path:
    """A backend directory with these engines. With sanitizers it is compiled for a short build."""
    targets = {name: directory / f"endpoints_{name}" / f"libtriton_endpoints_{name}.so" for name in engines}
    for target in targets.values():
        target.parent.mkdir(parents=True)
    flags = [*backend.FLAGS, "-O1"] if sanitize else backend.FLAGS
    with mock.patch.object(backend, "FLAGS", flags):
        backend.main(backend.Job(**targets, sanitize=sanitize))
    return directory


def config(
    name: str,
    engine: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    profile: Mapping[str, Any] | None = None,
    instances: int = 1,
    max_queue_delay_us: int = 0,
    state: Mapping[str, str] | None = None,
) -> Any:
    """The ModelConfig of a model that a native backend serves, in batches of 1 to MAX_BATCH."""
    serving = Serving("cpu", instances, threads=1, max_queue_delay_us=max_queue_delay_us)
    bounds = profile or modelconfig.fixed_profile(inputs, 1, MAX_BATCH)
    signature = Signature(inputs, outputs, state=dict(state or {}))
    return modelconfig.engine_model(name, signature, bounds, serving, engine)


def doubling(name: str, engine: str, dtype: str = "FP32", dims: Sequence[int | str] = (WIDTH,), **options: Any) -> Any:
    """The configuration of a model of one input and one output."""
    tensors = [[Tensor(one, dtype, list(dims))] for one in ("input", "output")]
    return config(name, engine, *tensors, **options)


def summing(name: str, engine: str, **options: Any) -> Any:
    """The configuration of a model that answers with the sum of what its sequence has sent."""
    sides = [[Tensor(one, "FP32", [WIDTH]) for one in names] for names in (("sum", "input"), ("sum_out", "output"))]
    return config(name, engine, *sides, state={"sum": "sum_out"}, **options)


def add_model(repository: Path, model: Any) -> Path:
    """Write config.pbtxt; returns the directory of version 1."""
    version = repository / model.name / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(modelconfig.text(model))
    return version


def twice(given: Any) -> Any:
    """A node of OpenVINO: the input plus itself, or its contrary where it is BOOL."""
    return ops.logical_not(given) if given.get_element_type() == openvino.Type.boolean else ops.add(given, given)


def write_openvino(
    path: Path,
    dtype: str = "FP32",
    shape: Sequence[Any] = ((1, MAX_BATCH), WIDTH),
    compute: Callable[[Any], Any] = twice,
) -> None:
    """A blob, or a graph where `path` ends in .xml, from `input` to `output`."""
    axes = [openvino.Dimension(*axis) if isinstance(axis, tuple) else openvino.Dimension(axis) for axis in shape]
    given = ops.parameter(openvino.PartialShape(axes), OPENVINO_TYPES[dtype], name="input")
    given.output(0).tensor.set_names({"input"})
    result = ops.result(compute(given))
    result.output(0).tensor.set_names({"output"})
    model = openvino.Model([result], [given], "f32")
    if path.suffix == ".xml":
        openvino.save_model(model, path, compress_to_fp16=False)
    else:
        compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        path.write_bytes(compiled.export_model().getvalue())


def write_summing(path: Path) -> None:
    """The model of `summing`, as a blob."""
    shape = openvino.PartialShape([openvino.Dimension(1, MAX_BATCH), WIDTH])
    given = [ops.parameter(shape, openvino.Type.f32, name=name) for name in ("input", "sum")]
    results = [ops.result(ops.add(*given)) for _ in range(2)]
    for node, name in zip([*given, *results], ("input", "sum", "output", "sum_out")):
        node.output(0).tensor.set_names({name})
    compiled = openvino.Core().compile_model(openvino.Model(results, given), "CPU")
    path.write_bytes(compiled.export_model().getvalue())


def write_onnx(path: Path) -> None:
    tensors = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", WIDTH]) for name in ("input", "output")
    ]
    graph = helper.make_graph(
        [helper.make_node("Add", ["input", "input"], ["output"])], "double", *map(list, zip(tensors))
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class Double(torch.nn.Module):
    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given + given


class Summing(torch.nn.Module):
    """The model of `summing`, whose state comes first."""

    def forward(self, kept: torch.Tensor, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return kept + given, kept + given


class Two(torch.nn.Module):
    """Two inputs, two outputs: twice the first, and the sum of each row of the second, one value for each sample."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return first * 2, second.sum(dim=1)


def write_torch(path: Path, module: torch.nn.Module, examples: Sequence[torch.Tensor], high: int = MAX_BATCH) -> None:
    """TorchScript, or a package of AOTInductor where `path` ends in .pt2."""
    if path.suffix != ".pt2":
        torch.jit.script(module.eval()).save(str(path))
        return
    batch = torch.export.Dim("batch", min=1, max=high)
    program = torch.export.export(module, tuple(examples), dynamic_shapes=tuple({0: batch} for _ in examples))
    torch._inductor.aoti_compile_and_package(
        program, package_path=str(path), inductor_configs={"cpp.dynamic_threads": True}
    )


def write_double(path: Path) -> None:
    """The engine that the ending of `path` says."""
    if path.suffix == ".onnx":
        write_onnx(path)
    elif path.suffix in (".blob", ".xml"):
        write_openvino(path)
    else:
        write_torch(path, Double(), [torch.zeros(4, WIDTH)])


@contextmanager
def running(
    repository: Path,
    models: Sequence[str],
    backends: Path,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[server.Server]:
    """The bundled Triton with native backends, when `models` are ready; others may fail to load."""
    parts = install.bundled(directory / "install")
    for one in backends.iterdir():
        (parts.backend_directory / one.name).symlink_to(one.resolve())
    ports, log_file = server.free_ports(), directory / "server.log"
    command = [*server._triton(parts, repository, ports, directory / "install"), "--exit-on-error=false", *arguments]
    with (
        log_file.open("wb") as output,
        child(command, output, env=parts.env | dict(environment or {}), grace=2) as process,
    ):
        found = server.Server(ports, log_file, process)
        server._wait_until_ready(found, models, 200)
        yield found


def infer(
    client: Any,
    model: str,
    datatype: str | None = None,
    outputs: Sequence[Any] | None = None,
    place: Place | None = None,
    **arrays: np.ndarray,
) -> Any:
    """The answer to one request over gRPC."""
    inputs = []
    for name, array in arrays.items():
        one = grpc.InferInput(name, array.shape, datatype or np_to_triton_dtype(array.dtype))
        inputs.append(one.set_data_from_numpy(array))
    return client.infer(model, inputs, outputs=outputs, **(vars(place) if place else {}))


def sum_up(client: Any, model: str, sequences: int, steps: int) -> None:
    """Whole sequences side by side: every answer of a `summing` model is the sum of what its sequence has sent."""
    sums = np.zeros((sequences, 1, WIDTH), np.float32)
    with ThreadPoolExecutor(sequences) as pool:
        for step in range(steps):
            rows = np.random.default_rng(step).random(sums.shape, np.float32)
            sums += rows
            places = [Place(number + 1, step == 0, step == steps - 1) for number in range(sequences)]
            found = pool.map(lambda row, place: infer(client, model, place=place, input=row), rows, places)
            assert np.array_equal([one.as_numpy("output") for one in found], sums)
