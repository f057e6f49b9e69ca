"""Runtimes called from this process: on CPU as PyTorch answers, on a GPU, where there is one, as on CPU."""

import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from conftest import DEFAULT, ROOT
from model.interface import load_checkpoint, predict
from plan.lock import versions
from serve import runtime
from serve.variants import VARIANTS

BACKENDS = ROOT / "workflow" / "backends"
NAMES = (["input"], ["output"])
# What TF32 may change: PyTorch convolves with it on a GPU.
CLOSE = {"cpu": 1e-5, "cuda": 0.05}
gpu = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here"))


@pytest.fixture
def directory(checkpoint: Path, tmp_path: Path) -> Path:
    """The trained model as weights and as TorchScript, with its model file."""
    shutil.copy(checkpoint, tmp_path / "model.pt")
    shutil.copy(ROOT / DEFAULT["model"]["file"], tmp_path / "processing.py")
    shutil.copy(ROOT / "workflow" / "scripts" / "model" / "outputs.py", tmp_path)
    module, _ = load_checkpoint(checkpoint)
    torch.jit.trace(module, torch.zeros(2, 1, 28, 28)).save(tmp_path / "model.ts")
    return tmp_path


@pytest.mark.parametrize("device", ["cpu", gpu])
@pytest.mark.parametrize("name", ["eager", "torchscript"])
def test_answers_are_those_of_pytorch(directory, checkpoint, name, device):
    shutil.copy(BACKENDS / f"runtime_{name}.py", directory / "runtime.py")
    infer = runtime.load(directory, *NAMES, 1, device)
    for batch in (1, 5, 3):
        images = np.random.default_rng(batch).random((batch, 1, 28, 28), np.float32)
        (answer,) = infer([images])
        (expected,) = predict(load_checkpoint(checkpoint)[0], {"input": images})
        assert (type(answer), answer.dtype) == (np.ndarray, np.float32)
        np.testing.assert_allclose(answer, expected, atol=CLOSE[device])


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="it has CUDA")
def test_onnx_runtime_does_not_take_the_cpu_for_a_gpu(directory):
    shutil.copy(BACKENDS / "runtime_onnx.py", directory / "runtime.py")
    with pytest.raises(RuntimeError, match=r"this onnxruntime has no CUDA\. Hint: install onnxruntime-gpu"):
        runtime.load(directory, *NAMES, 1, "cuda")


@pytest.mark.parametrize("variant", [one for one in VARIANTS.values() if one.runtime], ids=lambda one: one.runtime)
def test_packages_of_a_variant_are_those_that_its_runtime_imports(variant):
    imported = versions([BACKENDS / variant.runtime]).keys()
    assert imported - {"numpy"} <= {*variant.packages}
