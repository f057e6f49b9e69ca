"""The native backends in the bundled Triton: answers, refusals, statistics, engines that do not load, memory safety."""

import re
import signal
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest
import torch
from openvino import opset13 as ops
from tritonclient import grpc
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

import backend
import native_backends as native
from conftest import ROOT
from model.signature import Tensor
from native_backends import MAX_BATCH, WIDTH, doubling
from native_stress import HASTY_MODEL, WIDE, WIDE_MODEL, Load
from program.cli import UserError
from serve import modelconfig
from serve.server import Server

pytestmark = pytest.mark.slow
ENGINES = {"openvino": "model.blob", "torchscript": "model.ts", "aotinductor": "model.pt2"}
FILES = {file: engine for engine, file in ENGINES.items()} | dict.fromkeys(["model.onnx", "model.xml"], "openvino")
FOREIGN = {"model.blob": "model.ts", "model.ts": "model.blob", "model.pt2": "model.ts"}
TWO = ("torchscript", "aotinductor")
# What is wrong with an engine: it is of another framework, or only a part of it is there.
FAULTS = {"foreign": None, "empty": 0, "short": 0.3, "cut": 0.9}


@pytest.fixture(scope="module")
def served(backends, tmp_path_factory):
    """A client of a server that has all models of this module."""
    directory = tmp_path_factory.mktemp("served")
    repository = directory / "repository"
    for dtype in native.OPENVINO_TYPES:
        version = native.add_model(repository, doubling(f"openvino_{dtype}", "openvino", dtype))
        native.write_openvino(version / "model.blob", dtype)
    for file, engine in FILES.items():
        config = doubling(file, engine, max_queue_delay_us=100_000)
        native.write_double(native.add_model(repository, config) / file)
    add_broken_models(repository)
    add_models_of_two(repository)
    add_models_of_many_shapes(repository)
    examples = add_examples(repository)
    ready = [*examples, *FILES, "two_torchscript", "two_aotinductor", "ragged", "detections", "null_named"]
    with native.running(repository, ready, backends, directory) as server:
        yield grpc.InferenceServerClient(server.grpc)


def add_broken_models(repository: Path) -> None:
    """Engines that are cut off, of another framework, or for another device; and one that is not there."""
    for engine, file in ENGINES.items():
        whole = (repository / file / "1" / file).read_bytes()
        other = (repository / FOREIGN[file] / "1" / FOREIGN[file]).read_bytes()
        for fault, share in FAULTS.items():
            version = native.add_model(repository, doubling(f"{fault}_{engine}", engine))
            (version / file).write_bytes(other if share is None else whole[: int(len(whole) * share)])
    native.add_model(repository, doubling("absent", "openvino"))
    crowded = doubling("crowded", "openvino")
    crowded.parameters["threads"].string_value = "most"
    native.add_model(repository, crowded)
    target = native.add_model(repository, doubling("for_cuda", "aotinductor")) / "model.pt2"
    package = zipfile.ZipFile(repository / "model.pt2" / "1" / "model.pt2")
    with zipfile.ZipFile(target, "w") as changed:
        for name in package.namelist():
            changed.writestr(name, re.sub(rb'("AOTI_DEVICE_KEY": ?)"cpu"', rb'\1"cuda"', package.read(name)))


def add_models_of_two(repository: Path) -> None:
    """Two inputs and two outputs, the second of which has one value for each sample."""
    inputs = [Tensor("first", "FP32", [WIDTH]), Tensor("second", "INT64", [3])]
    outputs = [Tensor("twice", "FP32", [WIDTH]), Tensor("sum", "INT64", [1])]
    examples = [torch.zeros(4, WIDTH), torch.zeros(4, 3, dtype=torch.int64)]
    for engine in TWO:
        config = native.config(f"two_{engine}", engine, inputs, outputs)
        config.output[1].reshape.SetInParent()
        native.write_torch(native.add_model(repository, config) / ENGINES[engine], native.Two(), examples)


def add_models_of_many_shapes(repository: Path) -> None:
    """Named axes with a multiple, requests of several shapes in a batch, and outputs that depend on the data."""
    shapes = {"min": {"mel": [1, 80, 10]}, "max": {"mel": [MAX_BATCH, 80, 300]}}
    mel, audio = Tensor("mel", "FP32", [80, "frames"]), Tensor("audio", "FP16", [1, "256*frames"])
    native.add_model(repository, native.config("null_named", "null", [mel], [audio], shapes))
    shapes = {"min": {"input": [1, 1]}, "max": {"input": [MAX_BATCH, 9]}}
    ragged = doubling("ragged", "openvino", dims=["length"], profile=shapes, max_queue_delay_us=200_000)
    ragged.input[0].allow_ragged_batch = True
    native.write_openvino(native.add_model(repository, ragged) / "model.blob", shape=((1, MAX_BATCH), (1, 9)))
    shapes = {"min": {"input": [0, 5]}, "max": {"input": [100, 5]}}
    detections = doubling("detections", "openvino", dims=["found", 5], profile=shapes)
    detections.max_batch_size = 0
    detections.ClearField("dynamic_batching")
    detections.ClearField("model_warmup")
    native.write_openvino(native.add_model(repository, detections) / "model.blob", "FP32", ((0, 100), 5), certain)


def certain(boxes):
    """The rows whose last value is above a half."""
    scores = ops.squeeze(ops.gather(boxes, np.array([4]), 1), 1)
    return ops.gather(boxes, ops.squeeze(ops.non_zero(ops.greater(scores, np.float32(0.5))), 0), 0)


class Scorer(torch.nn.Module):
    """The TorchScript model of the documentation."""

    def forward(self, features: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        return features.sum(1) + ids.sum(1)


class Ten(torch.nn.Module):
    """The classifier of the documentation."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :10]


def add_examples(repository: Path) -> list[str]:
    """The models of docs/native-backend.md, as they stand there but for GPUs; returns their names."""
    page = (ROOT / "docs" / "native-backend.md").read_text()
    configs = [modelconfig.parse(text) for text in re.findall(r"```\n(name: .+?)```", page, re.DOTALL)]
    assert {config.backend for config in configs} == {f"endpoints_{engine}" for engine in backend.ENGINES}
    # tests/test_native_state.py has the others.
    configs = [config for config in configs if not config.HasField("sequence_batching")]
    for config in configs:
        for group in config.instance_group:
            group.kind = group.KIND_CPU
            group.ClearField("gpus")
        version = native.add_model(repository, config)
        if config.backend == "endpoints_openvino":
            first_ten = lambda images: ops.gather(ops.reshape(images, [0, -1], True), np.arange(10), 1)  # noqa: E731
            native.write_openvino(version / "model.blob", shape=((1, 128), 1, 28, 28), compute=first_ten)
        elif config.backend == "endpoints_aotinductor":
            native.write_torch(version / "model.pt2", Ten(), [torch.zeros(4, 1, 28, 28)], config.max_batch_size)
        elif config.backend == "endpoints_torchscript":
            native.write_torch(version / "model.pt", Scorer(), [])
    return [config.name for config in configs]


def test_examples_of_the_documentation(served):
    images = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    for name in ("classifier", "classifier_gpu"):
        assert np.array_equal(
            native.infer(served, name, input=images).as_numpy("output"), images.reshape(3, -1)[:, :10]
        )
    given = {"features": np.ones((2, 5), np.float32), "ids": np.ones((2, 3), np.int64)}
    assert native.infer(served, "scorer", **given).as_numpy("score").tolist() == [[8], [8]]
    assert native.infer(served, "null", mel=np.ones((1, 80, 3), np.float32)).as_numpy("audio").shape == (1, 1, 768)


@pytest.mark.parametrize("dtype", native.OPENVINO_TYPES)
def test_every_type_is_computed_with(served, dtype):
    given = (np.arange(3 * WIDTH).reshape(3, WIDTH) % 4).astype(triton_to_np_dtype(dtype))
    found = native.infer(served, f"openvino_{dtype}", dtype, input=given).as_numpy("output")
    assert found.dtype == given.dtype
    assert np.array_equal(found, ~given if dtype == "BOOL" else given + given)


@pytest.mark.parametrize("engine", TWO)
def test_several_inputs_and_a_value_for_each_sample(served, engine):
    first, second = np.random.default_rng(0).random((4, WIDTH), np.float32), np.arange(12).reshape(4, 3)
    found = native.infer(served, f"two_{engine}", first=first, second=second)
    assert np.array_equal(found.as_numpy("twice"), 2 * first)
    assert np.array_equal(found.as_numpy("sum"), second.sum(1, keepdims=True))


def test_only_the_outputs_that_were_asked_for(served):
    given = {"first": np.zeros((1, WIDTH), np.float32), "second": np.ones((1, 3), np.int64)}
    found = native.infer(served, "two_torchscript", outputs=[grpc.InferRequestedOutput("sum")], **given)
    assert [output.name for output in found.get_response().outputs] == ["sum"]
    assert found.as_numpy("sum") == 3


def test_named_axes(served):
    found = native.infer(served, "null_named", mel=np.ones((2, 80, 30), np.float32)).as_numpy("audio")
    assert found.shape == (2, 1, 256 * 30) and found.dtype == np.float16 and not found.any()


@pytest.mark.parametrize("count", [0, 3, 100])
def test_outputs_whose_shape_depends_on_the_data(served, count):
    """From 100 candidates, in a model without a batch axis."""
    boxes = np.random.default_rng(0).random((100, 5), np.float32) * 0.4
    boxes[np.random.default_rng(1).permutation(100)[:count], 4] = 0.9
    found = native.infer(served, "detections", input=boxes).as_numpy("output")
    assert found.shape == (count, 5) and np.array_equal(found, boxes[boxes[:, 4] > 0.5])


@pytest.mark.parametrize(
    ("model", "given", "words"),
    [
        ("null_named", {"mel": (1, 80, 5)}, r"mel of shape \[1, 80, 5\] .* \[1, 80, 10\] to \[16, 80, 300\]"),
        ("detections", {"input": (101, 5)}, r"input of shape \[101, 5\] .* \[0, 5\] to \[100, 5\]"),
    ],
)
def test_outside_the_profile(served, model, given, words):
    """In the words of workflow/backends/model.py."""
    with pytest.raises(
        InferenceServerException, match=f"{model}: input {words.replace('.*', 'is outside the profile')}$"
    ):
        native.infer(served, model, **{name: np.ones(shape, np.float32) for name, shape in given.items()})


def test_shared_memory(served):
    rows = np.arange(3 * WIDTH, dtype=np.float32).reshape(3, WIDTH)
    memory = SharedMemory(create=True, size=2 * rows.nbytes)
    try:
        served.register_system_shared_memory("both", f"/{memory.name}", memory.size)
        memory.buf[: rows.nbytes] = rows.tobytes()
        given, wanted = grpc.InferInput("input", rows.shape, "FP32"), grpc.InferRequestedOutput("output")
        given.set_shared_memory("both", rows.nbytes)
        wanted.set_shared_memory("both", rows.nbytes, rows.nbytes)
        found = served.infer("openvino_FP32", [given], outputs=[wanted])
        assert not b"".join(found.get_response().raw_output_contents)
        assert bytes(memory.buf[rows.nbytes :]) == (rows + rows).tobytes()
    finally:
        served.unregister_system_shared_memory("both")
        memory.close()
        memory.unlink()


@pytest.mark.parametrize("model", FILES)
def test_requests_become_a_batch_and_statistics_say_so(served, model):
    before = served.get_inference_statistics(model).model_stats[0]

    def one(number: int) -> bool:
        given = np.full((1, WIDTH), number, np.float32)
        return np.array_equal(native.infer(served, model, input=given).as_numpy("output"), given + given)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(64)))
    after = served.get_inference_statistics(model).model_stats[0]
    assert after.inference_count - before.inference_count == 64
    assert after.execution_count - before.execution_count < 32
    for part in ("queue", "compute_input", "compute_infer", "compute_output"):
        assert getattr(after.inference_stats, part).ns > getattr(before.inference_stats, part).ns


def test_requests_of_several_shapes_at_once(served):
    """Triton puts them into one `execute`, because the input may be ragged; the backend into a batch for each shape."""

    def one(number: int) -> bool:
        given = np.full((1 + number % 2, 1 + number % 3), number, np.float32)
        return np.array_equal(native.infer(served, "ragged", input=given).as_numpy("output"), given + given)

    before = served.get_inference_statistics("ragged").model_stats[0].execution_count
    with ThreadPoolExecutor(10) as pool:
        assert all(pool.map(one, range(60)))
    assert served.get_inference_statistics("ragged").model_stats[0].execution_count - before < 60


def reason(client, model: str) -> str:
    """Why a model is not loaded."""
    found = next(one for one in client.get_model_repository_index().models if one.name == model)
    assert found.state == "UNAVAILABLE" and "\n" not in found.reason
    return found.reason


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_that_cannot_be_loaded(served, engine, fault):
    assert re.search(rf"cannot load {ENGINES[engine]}: .+\. Hint: ", reason(served, f"{fault}_{engine}"))


def test_an_engine_for_another_device_one_that_is_not_there_and_a_number_that_is_none(served):
    assert "model.pt2: it is for cuda, the instance_group for cpu. Hint: " in reason(served, "for_cuda")
    assert re.search("there is no model.blob or model.onnx or model.xml in .*Hint: ", reason(served, "absent"))
    assert 'parameter threads is "most". Hint: a number, auto or all' in reason(served, "crowded")


def test_only_tritons_functions_are_shown(backends):
    for library in backends.glob("*/*.so"):
        listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
        assert {line.split()[-1].split("_")[0] for line in listing.stdout.splitlines()} == {"TRITONBACKEND"}


def test_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"there is no C\+\+ compiler: no-such-compiler "):
        native.build(tmp_path, ["null"])


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory) -> Path:
    return native.build(tmp_path_factory.mktemp("sanitized"), ["null", "openvino", "aotinductor"], "address,undefined")


@contextmanager
def under_sanitizers(repository: Path, backends: Path, directory: Path, *flags: str) -> Iterator[Server]:
    """A server with all models of a repository, under AddressSanitizer and UndefinedBehaviorSanitizer."""
    compiler, preload = backend._compiler(), directory / "preload.so"
    source = ROOT / "tests" / "native_preload.c"
    subprocess.run([*compiler, "-xc", "-shared", "-fPIC", *flags, "-o", preload, source, "-lpthread"], check=True)
    runtime = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = {
        "LD_PRELOAD": f"{preload}:{runtime.stdout.strip()}",
        "ASAN_OPTIONS": f"log_path={directory}/report:leak_check_at_exit=0:verify_asan_link_order=0"
        # It reads a header of glibc that is not there, and LeakSanitizer then looks where no memory is.
        ":intercept_tls_get_addr=0",
        "UBSAN_OPTIONS": f"log_path={directory}/report:print_stacktrace=1",
    }
    models = sorted(path.name for path in repository.iterdir())
    arguments = ["--model-control-mode=explicit", *(f"--load-model={model}" for model in models)]
    with native.running(repository, models, backends, directory, environment, arguments) as server:
        yield server


def unload(client, *models: str) -> None:
    """Unload models and wait until they are gone."""
    for model in models:
        client.unload_model(model)
    while any(one.name in models and one.state != "UNAVAILABLE" for one in client.get_model_repository_index().models):
        time.sleep(0.05)


def leaks(server: Server, repository: Path) -> re.Match[str]:
    """What LeakSanitizer finds when all models are unloaded: `none` or `some`, and how many inputs came in pieces."""
    unload(grpc.InferenceServerClient(server.grpc), *(path.name for path in repository.iterdir()))
    server.process.send_signal(signal.SIGUSR1)
    while not (
        found := re.search(r"leaks: (\w+), inputs in pieces: (\d+)", server.log_file.read_text(errors="replace"))
    ):
        assert server.process.poll() is None
        time.sleep(0.1)
    return found


def load_and_unload(server: Server, models: Sequence[str]) -> Counter[str]:
    """Load, ask and unload each of these models, while others are under load; returns how often each."""
    client = grpc.InferenceServerClient(server.grpc)
    for model in models:
        client.load_model(model)
        given = np.ones((1, WIDTH), np.float32)
        assert native.infer(client, model, input=given).as_numpy("output").tolist() == [
            [0 if "null" in model else 2] * WIDTH
        ]
        unload(client, model)
    return Counter(models)


def reports(directory: Path) -> list[str]:
    return [path.read_text(errors="replace") for path in directory.glob("report.*")]


@pytest.mark.timeout(600)
def test_memory_safety(sanitized, tmp_path, capsys):
    """Sanitizers in the real server, while it has odd requests among good ones and models come and go."""
    repository = tmp_path / "repository"
    for name, engine in {
        "openvino": "openvino",
        "null": "null",
        "aotinductor": "aotinductor",
        "cycled_openvino": "openvino",
        "cycled_null": "null",
        "cycled_aotinductor": "aotinductor",
    }.items():
        version = native.add_model(repository, doubling(name, engine, instances=2, max_queue_delay_us=500))
        if engine in ENGINES:
            native.write_double(version / ENGINES[engine])
    wide = native.add_model(repository, doubling(WIDE_MODEL, "openvino", dims=[WIDE]))
    native.write_openvino(wide / "model.xml", shape=((1, MAX_BATCH), WIDE))
    native.write_summing(native.add_model(repository, native.summing("sums", "openvino", instances=2)) / "model.blob")
    hasty = doubling(HASTY_MODEL, "openvino", max_queue_delay_us=20_000)
    hasty.dynamic_batching.default_queue_policy.default_timeout_microseconds = 1_000
    native.write_double(native.add_model(repository, hasty) / "model.blob")
    with under_sanitizers(repository, sanitized, tmp_path) as server, ThreadPoolExecutor(1) as beside:
        cycles = beside.submit(
            load_and_unload, server, ["cycled_openvino", "cycled_null"] * 25 + ["cycled_aotinductor"] * 4
        )
        counts = Load(server).run(5000, ["openvino", "null"]) + Load(server).run(500, ["aotinductor"], seed=5000)
        native.sum_up(grpc.InferenceServerClient(server.grpc), "sums", sequences=20, steps=20)
        loads = cycles.result()
        found = leaks(server, repository)
    with capsys.disabled():
        print(f"\nMemory safety: {dict(counts)}\nloads: {dict(loads)}, {found[0]}, reports: {len(reports(tmp_path))}")
    assert not reports(tmp_path), reports(tmp_path)[0][:5000]
    assert found[1] == "none" and int(found[2]) > 0
    assert sum(counts.values()) == 5500 and counts["good"] > 2000 and counts["expired"] > 0


def test_a_leak_is_found(sanitized, tmp_path):
    """Where the backend's buffers are never given back."""
    repository = tmp_path / "repository"
    native.add_model(repository, doubling("null", "null"))
    with under_sanitizers(repository, sanitized, tmp_path, "-DFORGETFUL") as server:
        assert leaks(server, repository)[1] == "some"
    assert "endpoints::HostBuffer::reserve" in reports(tmp_path)[0]
