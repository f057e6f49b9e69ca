"""The native backends in the bundled Triton: answers, refusals, statistics, engines that do not load, memory safety."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from serving import modelconfig
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

import backend
import native_backends as native
from conftest import ROOT
from native_backends import MAX_BATCH, WIDTH, tensor
from native_stress import WIDE, Load

ENGINE_FILES = {"openvino": "model.blob", "torchscript": "model.ts", "aotinductor": "model.pt2"}
SANITIZED = ("null", "openvino", "torchscript", "aotinductor")
# Load that a sanitizer sees, in requests and in loads of a model.
REQUESTS, CYCLES = 5000, 50


def build(directory: Path, *arguments: str) -> Path:
    """Run the script, as the rule does."""
    output = directory / "backends"
    script = ROOT / "workflow" / "scripts" / "backend.py"
    found = subprocess.run(
        [sys.executable, script, "--output", output, *arguments], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return output


@pytest.fixture(scope="module")
def backends(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("backends"))


def doubling(name: str, engine: str, **serving) -> object:
    """The configuration of a model of one input and one output."""
    tensors = [[tensor(one, "FP32", [WIDTH])] for one in ("input", "output")]
    return native.config(name, engine, *tensors, **serving)


class Double(torch.nn.Module):
    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given + given


def write_double(path: Path) -> None:
    """The engine that the ending of `path` says."""
    if path.suffix == ".blob":
        native.write_openvino(path)
    elif path.suffix == ".ts":
        native.write_torchscript(path, Double())
    else:
        native.write_aotinductor(path, Double(), [torch.zeros(4, WIDTH)])


def two_outputs(name: str, engine: str) -> object:
    """Twice's configuration; its second output has one value for each sample."""
    inputs = [tensor("first", "FP32", [WIDTH]), tensor("second", "INT64", [3])]
    outputs = [tensor("twice", "FP32", [WIDTH]), tensor("sum", "INT64", [1])]
    result = native.config(name, engine, inputs, outputs)
    result.output[1].reshape.SetInParent()
    return result


@pytest.fixture(scope="module")
def served(backends, tmp_path_factory):
    """A client of a server that has all models of this module, and the server's log."""
    directory = tmp_path_factory.mktemp("served")
    repository = directory / "repository"
    for dtype in native.TYPES:
        tensors = [[tensor(one, dtype, [WIDTH])] for one in ("input", "output")]
        version = native.add_model(repository, native.config(f"openvino_{dtype}", "openvino", *tensors))
        native.write_openvino(version / "model.blob", dtype)
    for engine, file in ENGINE_FILES.items():
        version = native.add_model(repository, doubling(f"double_{engine}", engine, max_queue_delay_us=100_000))
        write_double(version / file)
        for share in (0, 0.3, 0.9):
            broken = native.add_model(repository, doubling(f"broken_{engine}_{share}", engine))
            whole = (version / file).read_bytes()
            (broken / file).write_bytes(whole[: int(len(whole) * share)])
    native.add_model(repository, doubling("absent", "openvino"))
    native.write_torchscript(
        native.add_model(repository, two_outputs("two_torchscript", "torchscript")) / "model.ts", native.Twice()
    )
    native.write_aotinductor(
        native.add_model(repository, two_outputs("two_aotinductor", "aotinductor")) / "model.pt2",
        native.Twice(),
        [torch.zeros(4, WIDTH), torch.zeros(4, 3, dtype=torch.int64)],
    )
    add_null_models(repository)
    with native.running(repository, backends, directory) as server:
        yield grpc.InferenceServerClient(server.grpc), server.log_file


def add_null_models(repository: Path) -> None:
    """Named axes with a multiple, types of every kind, and a model without a batch axis."""
    inputs, outputs = [tensor("mel", "FP32", [80, "frames"])], [tensor("audio", "FP16", [1, "256*frames"])]
    shapes = {"min": {"mel": [1, 80, 10]}, "max": {"mel": [MAX_BATCH, 80, 300]}}
    native.add_model(repository, native.config("null_named", "null", inputs, outputs, shapes))
    inputs = [tensor("flags", "BOOL", [2]), tensor("ids", "INT64", ["length"]), tensor("half", "FP16", [1])]
    outputs = [tensor("answers", "BOOL", ["length"]), tensor("counts", "INT64", [1]), tensor("half_out", "FP16", [2])]
    shapes = {
        "min": {"flags": [1, 2], "ids": [1, 1], "half": [1, 1]},
        "max": {"flags": [8, 2], "ids": [8, 9], "half": [8, 1]},
    }
    native.add_model(repository, native.config("null_types", "null", inputs, outputs, shapes))
    # As tests of models without a batch axis have it: the first axis belongs to the model.
    inputs, outputs = [tensor("image", "UINT8", ["height", 4])], [tensor("boxes", "FP32", ["height", 5])]
    shapes = {"min": {"image": [1, 4]}, "max": {"image": [6, 4]}}
    config = native.config("null_unbatched", "null", inputs, outputs, shapes)
    config.max_batch_size = 0
    config.ClearField("dynamic_batching")
    config.ClearField("model_warmup")
    native.add_model(repository, config)


@pytest.mark.parametrize("dtype", native.TYPES)
def test_every_type_is_computed_with(served, dtype):
    given = (np.arange(3 * WIDTH).reshape(3, WIDTH) % 4).astype(native.TYPES[dtype])
    found = native.infer(served[0], f"openvino_{dtype}", input=given).as_numpy("output")
    assert found.dtype == given.dtype
    assert np.array_equal(found, ~given if dtype == "BOOL" else given + given)


@pytest.mark.parametrize("model", ["two_torchscript", "two_aotinductor"])
def test_several_inputs_and_a_value_for_each_sample(served, model):
    first, second = np.random.default_rng(0).random((4, WIDTH), np.float32), np.arange(12).reshape(4, 3)
    found = native.infer(served[0], model, first=first, second=second)
    assert np.array_equal(found.as_numpy("twice"), 2 * first)
    assert np.array_equal(found.as_numpy("sum"), second.sum(1, keepdims=True))


def test_only_the_outputs_that_were_asked_for(served):
    first, second = np.zeros((1, WIDTH), np.float32), np.zeros((1, 3), np.int64)
    inputs = [grpc.InferInput(*one) for one in (("first", [1, WIDTH], "FP32"), ("second", [1, 3], "INT64"))]
    for one, array in zip(inputs, (first, second)):
        one.set_data_from_numpy(array)
    found = served[0].infer("two_torchscript", inputs, outputs=[grpc.InferRequestedOutput("sum")])
    assert [output.name for output in found.get_response().outputs] == ["sum"]


def test_named_axes(served):
    found = native.infer(served[0], "null_named", mel=np.ones((2, 80, 30), np.float32)).as_numpy("audio")
    assert found.shape == (2, 1, 256 * 30) and found.dtype == np.float16 and not found.any()


def test_types_of_null(served):
    given = {"flags": np.ones((2, 2), bool), "ids": np.ones((2, 7), np.int64), "half": np.ones((2, 1), np.float16)}
    found = native.infer(served[0], "null_types", **given)
    shapes = {"answers": (2, 7), "counts": (2, 1), "half_out": (2, 2)}
    assert {name: found.as_numpy(name).shape for name in shapes} == shapes
    assert found.as_numpy("answers").dtype == bool and found.as_numpy("counts").dtype == np.int64


def test_a_model_without_a_batch_axis(served):
    found = native.infer(served[0], "null_unbatched", image=np.ones((3, 4), np.uint8)).as_numpy("boxes")
    assert found.shape == (3, 5) and not found.any()
    with pytest.raises(
        InferenceServerException, match=r"of shape \[7, 4\] is outside the profile \[1, 4\] to \[6, 4\]"
    ):
        native.infer(served[0], "null_unbatched", image=np.ones((7, 4), np.uint8))


def test_outside_the_profile(served):
    """In the words of workflow/backends/model.py."""
    words = r"null_named: input mel of shape \[1, 80, 5\] is outside the profile \[1, 80, 10\] to \[16, 80, 300\]"
    with pytest.raises(InferenceServerException, match=words):
        native.infer(served[0], "null_named", mel=np.ones((1, 80, 5), np.float32))


@pytest.mark.parametrize("engine", ENGINE_FILES)
def test_requests_become_a_batch_and_statistics_say_so(served, engine):
    client, model = served[0], f"double_{engine}"
    before = client.get_inference_statistics(model).model_stats[0]

    def one(number: int) -> bool:
        given = np.full((1, WIDTH), number, np.float32)
        return np.array_equal(native.infer(client, model, input=given).as_numpy("output"), given + given)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(64)))
    after = client.get_inference_statistics(model).model_stats[0]
    assert after.inference_count - before.inference_count == 64
    assert after.execution_count - before.execution_count < 32
    for part in ("queue", "compute_input", "compute_infer", "compute_output"):
        assert getattr(after.inference_stats, part).ns > getattr(before.inference_stats, part).ns


@pytest.mark.parametrize("engine", ENGINE_FILES)
@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_an_engine_that_is_cut_off(served, engine, share):
    states = {model.name: model for model in served[0].get_model_repository_index().models}
    broken = states[f"broken_{engine}_{share}"]
    assert broken.state == "UNAVAILABLE"
    assert re.search(rf"cannot load {ENGINE_FILES[engine]}: .+\. Hint: ", broken.reason) and "\n" not in broken.reason


def test_an_engine_that_is_not_there(served):
    states = {model.name: model for model in served[0].get_model_repository_index().models}
    assert re.search("there is no model.blob or model.onnx or model.xml in .*Hint: ", states["absent"].reason)


def test_only_tritons_functions_are_shown(backends):
    for library in backends.glob("*/*.so"):
        names = subprocess.run(
            ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
        ).stdout
        assert {line.split()[-1].split("_")[0] for line in names.splitlines()} == {"TRITONBACKEND"}


def test_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    script = ROOT / "workflow" / "scripts" / "backend.py"
    found = subprocess.run(
        [sys.executable, script, "--output", tmp_path / "backends"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert re.fullmatch(r"backend.py: error: there is no C\+\+ compiler: no-such-compiler .* Hint: .*\n", found.stderr)


# Stands before the sanitizer's runtime. Triton closes a backend's library at its end: what leaked in it would then have
# no name. OpenVINO's oneTBB opens libraries with RTLD_DEEPBIND, with which the sanitizer ends the process.
LOADER = """
#define _GNU_SOURCE
#include <dlfcn.h>
int dlclose(void* library) { (void)library; return 0; }
void* dlopen(const char* name, int mode) {
  void* (*next)(const char*, int) = (void* (*)(const char*, int))dlsym(RTLD_NEXT, "dlopen");
  return next(name, mode & ~RTLD_DEEPBIND);
}
"""
# Frames that pass memory on; the leak belongs to who called them.
ALLOCATORS = re.compile(r"libasan|libstdc\+\+|libc\.so|libubsan|ld-linux")


def leaks(report: str) -> Counter[str]:
    """Leaks of a report by the library that allocated: the innermost frame that is no allocator's."""
    found: Counter[str] = Counter()
    for block in re.split(r"\n\n", report):
        if not re.match(r"(In)?[Dd]irect leak", block.strip()):
            continue
        modules = re.findall(r"\(([^()+]+)\+0x", block)
        found[Path(next((one for one in modules if not ALLOCATORS.search(one)), "?")).name] += 1
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_safety(tmp_path):
    """AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer, in the real server, under load."""
    backends = build(tmp_path, "--sanitize", "address,undefined", "--engines", *SANITIZED)
    compiler = backend._compiler()
    loader = tmp_path / "loader.so"
    subprocess.run([*compiler, "-xc", "-shared", "-fPIC", "-o", loader, "-"], input=LOADER, text=True, check=True)
    runtime = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    repository = tmp_path / "repository"
    models = []
    for engine, file in ENGINE_FILES.items():
        models.append(f"double_{engine}")
        version = native.add_model(repository, doubling(models[-1], engine, instances=2, max_queue_delay_us=500))
        write_double(version / file)
        shutil.copytree(version.parent, repository / f"cycled_{engine}")
        config = modelconfig.parse((version.parent / "config.pbtxt").read_text())
        config.name = f"cycled_{engine}"
        (repository / config.name / "config.pbtxt").write_text(modelconfig.text(config))
    tensors = [[tensor(one, "FP32", [WIDE])] for one in ("input", "output")]
    wide = native.add_model(repository, native.config("wide", "torchscript", *tensors))
    native.write_torchscript(wide / "model.ts", Double())
    environment = {
        "LD_PRELOAD": f"{loader}:{runtime.stdout.strip()}",
        "ASAN_OPTIONS": f"log_path={tmp_path}/asan:detect_leaks=1:verify_asan_link_order=0:exitcode=0",
        "UBSAN_OPTIONS": f"log_path={tmp_path}/ubsan:print_stacktrace=1",
    }
    loaded = [f"--load-model={model}" for model in [*models, "wide"]]
    arguments = ["--model-control-mode=explicit", *loaded]
    with native.running(repository, backends, tmp_path, environment, arguments) as server:
        with ThreadPoolExecutor(1) as beside:
            cycles = beside.submit(cycle, server, CYCLES)
            counts = Load(server, models, "wide").run(REQUESTS)
            assert cycles.result() == CYCLES
        server.process.terminate()
        server.process.wait(120)
    reports = {path.name: path.read_text(errors="replace") for path in tmp_path.glob("*san.*")}
    found = sum((leaks(text) for text in reports.values()), Counter())
    print(f"\n{REQUESTS} requests, {CYCLES} loads: {dict(counts)}\nleaks by library: {dict(found)}")
    errors = [text for text in reports.values() if re.search("ERROR: AddressSanitizer|runtime error", text)]
    assert not errors, errors[0][:5000]
    assert not [library for library in found if library.startswith("libtriton_endpoints")], reports
    assert sum(counts.values()) == REQUESTS and counts["good"] > REQUESTS / 3 and counts["cancelled"] > 0
    # Else the leak check did not run at all.
    assert server.process.returncode == 0


def cycle(server, count: int) -> int:
    """Load and unload models while others are under load; returns how often."""
    client = grpc.InferenceServerClient(server.grpc)
    for number in range(count):
        model = f"cycled_{list(ENGINE_FILES)[number % len(ENGINE_FILES)]}"
        client.load_model(model)
        given = np.full((1, WIDTH), number, np.float32)
        assert np.array_equal(native.infer(client, model, input=given).as_numpy("output"), given + given)
        client.unload_model(model)
    return count
