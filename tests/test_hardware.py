"""Which NVIDIA GPUs there are, from what nvidia-smi says; its outputs were recorded, or are its documented words."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from program.cli import UserError
from settings import hardware
from settings.hardware import Gpu, NoGpu

H100 = "NVIDIA H100 80GB HBM3, 9.0, 81559, 580.159.04\n"
BROKEN = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Put a program of that name, which says something and ends with a code, into PATH."""

    def install(says: str, code: int) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{says}END\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return install


def test_gpus(nvidia_smi):
    nvidia_smi(H100 + "NVIDIA RTX A2000, 8.6, 12282, 580.159.04\n", 0)
    assert hardware.gpus() == [
        Gpu("NVIDIA H100 80GB HBM3", "9.0", 81559, "580.159.04"),
        Gpu("NVIDIA RTX A2000", "8.6", 12282, "580.159.04"),
    ]
    hardware.require_gpu({"sweep"})


@pytest.mark.parametrize(
    ("says", "code", "reason"),
    [
        ("No devices were found\n", 6, "nvidia-smi ended with exit code 6: No devices were found"),
        ("No devices were found\n", 0, "nvidia-smi ended with exit code 0: No devices were found"),
        (f"{BROKEN}\nMake sure that it is installed.\n", 9, f"nvidia-smi ended with exit code 9: {BROKEN}"),
        ("", 0, "nvidia-smi ended with exit code 0: it lists none"),
    ],
)
def test_no_gpu(nvidia_smi, says, code, reason):
    nvidia_smi(says, code)
    with pytest.raises(NoGpu) as caught:
        hardware.gpus()
    assert str(caught.value) == reason
    with pytest.raises(UserError) as refused:
        hardware.require_gpu({"sweep", "healthcheck"})
    first = "healthcheck, sweep cannot run without an NVIDIA GPU, and this machine has none"
    assert str(refused.value).startswith(f"{first}: {reason}. Hint: ")


def test_nothing_is_asked_for_jobs_that_need_none(nvidia_smi):
    nvidia_smi("", 1)
    hardware.require_gpu(set())
