"""Which NVIDIA GPUs there are, from what nvidia-smi says; its outputs were recorded, or are its documented words."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import TARGETS
from plan import hardware
from plan.hardware import Gpu, NoGpu
from program.cli import UserError

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
    hardware.require_gpus({"sweep"}, 2)
    with pytest.raises(UserError, match=r"^config: serving.gpus: 3 asked for, but this machine has 2\. Hint: "):
        hardware.require_gpus({"sweep"}, 3)


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
        hardware.require_gpus({"sweep", "healthcheck"})
    first = "healthcheck, sweep cannot run without an NVIDIA GPU, and this machine has none"
    assert str(refused.value).startswith(f"{first}: {reason}. Hint: ")


def test_nothing_is_asked_for_jobs_that_need_none(nvidia_smi):
    nvidia_smi("", 1)
    hardware.require_gpus(set())


def test_engine_for_other_gpus(nvidia_smi):
    nvidia_smi(H100, 0)
    hardware.require_target("engine.tensorrt_rtx.targets", ["sm_86", "sm_90"])
    with pytest.raises(UserError) as refused:
        hardware.require_target("engine.tensorrt_rtx.targets", ["sm_86", "sm_120"])
    assert str(refused.value).startswith(
        "config: engine.tensorrt_rtx.targets: the NVIDIA H100 80GB HBM3 of this machine is sm_90, not one of sm_86, "
        "sm_120. Hint: "
    )


def test_run_with_an_engine_for_other_gpus_is_refused(project, nvidia_smi, tmp_path):
    nvidia_smi(H100, 0)
    overlay = tmp_path / "rtx.yaml"
    overlay.write_text("run: rtx\nvariants: [tensorrt_rtx]\nserving: {device: cuda, inner: tensorrt_rtx}\n")
    found = project.snakemake("--cores", "2", *TARGETS, configfiles=(overlay,), check=False)
    assert found.returncode == 1
    assert re.search(r"\nconfig: engine\.tensorrt_rtx\.targets: the NVIDIA H100 .* is sm_90, .*\n$", found.stderr)
    assert not (project.root / "artifacts" / "rtx").exists()
