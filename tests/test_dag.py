"""What a run plans, and what a change makes it do again: exactly that."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import yaml

from conftest import (
    CLOSING,
    DEFAULT,
    FULL,
    OVERLAYS,
    ROOT,
    TARGETS,
    expected_outputs,
    in_process_outputs,
    measured_outputs,
    merged,
    variant_outputs,
)  # fmt: skip

CONFIG = merged(DEFAULT, yaml.safe_load((ROOT / FULL).read_text()))
GPU = "config/gpu.yaml"
OPENVINO = {"engine/openvino/engine.json", "engine/openvino/model.blob"}
TENSORRT_RTX = {"engine/tensorrt_rtx/engine.json", "engine/tensorrt_rtx/model.engine"}
AOTINDUCTOR = {"engine/aotinductor/engine.json", "engine/aotinductor/model.pt2"}
ENGINES = OPENVINO | AOTINDUCTOR | TENSORRT_RTX
VARIANTS = ("openvino", "aotinductor", "pytriton", "pytriton_engine", "bls", "ensemble", "null")
# Those that serve OpenVINO's engine, by themselves or through serving.inner, and those that serve any.
ON_OPENVINO = ("openvino", "pytriton_engine", "bls", "ensemble")
ON_ENGINE = (*ON_OPENVINO, "aotinductor")
NOT_PYTRITON = [name for name in VARIANTS if not name.startswith("pytriton")]


def chains(*variants: str) -> set[str]:
    """Everything that the variants have for themselves, and what their own models are measured by."""
    own = [variant for variant in variants if variant in ("openvino", "aotinductor", "onnx", "pytriton")]
    return in_process_outputs(own, [1]).union(*(variant_outputs(variant, [1]) for variant in variants))


def sweeps(*variants: str) -> set[str]:
    return set().union(*(measured_outputs(variant, [1]) for variant in variants))


IN_PROCESS = in_process_outputs(VARIANTS, [1])
HEALTH = {f"health/{variant}.json" for variant in VARIANTS}
# A model that computes nothing has a repository that no training changes.
AFTER_DATASET = {
    name for name in expected_outputs(CONFIG) if not name.startswith("dataset/") and name != "repository/null"
}
DATASET = {f"dataset/{name}" for name in ("train.npz", "test.npz", "dataset.json")}
# Snakemake compares params as a set: swapped values would go unseen were they params of their own.
SWAPPED = {"epochs": CONFIG["train"]["batch_size"], "batch_size": CONFIG["train"]["epochs"]}


def test_gpu_is_missed_before_the_first_job(project):
    """In a run; a dry run is planned anywhere, and what needs no GPU is built."""
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has an NVIDIA driver")
    found = project.snakemake("--cores", "2", *TARGETS, configfiles=(GPU,), check=False)
    assert found.returncode == 1
    assert re.search(
        r"\n(\w+, )+sweep cannot run without an NVIDIA GPU, and this machine has none: nvidia-smi, .* is not in PATH\. "
        r"Hint: .*\n$",
        found.stderr,
    )
    assert "Traceback" not in found.stderr
    assert not (project.root / "artifacts" / "mnist-gpu").exists()
    assert "sweep" in project.snakemake("-n", *TARGETS, configfiles=(GPU,)).stdout


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_fresh_run_plans_every_output(project, path):
    overlay = yaml.safe_load(path.read_text())
    # The default configuration needs no naming.
    configfiles = () if path.name == "config.yaml" else (path.relative_to(ROOT),)
    assert project.planned(*TARGETS, configfiles=configfiles) == expected_outputs(merged(DEFAULT, overlay))


def test_finished_run_has_nothing_to_do(finished_run):
    found = finished_run.snakemake("-n", *TARGETS, configfiles=(FULL,))
    assert "Nothing to be done" in found.stdout + found.stderr
    assert finished_run.planned(*TARGETS, configfiles=(FULL,)) == set()


@pytest.mark.parametrize(
    ("change", "rerun"),
    [
        pytest.param(
            {"profile": {"opt": "input:32x1x28x28"}},
            ENGINES | {"export/parity.json"} | chains(*ON_ENGINE) | IN_PROCESS,
            id="opt shape",
        ),
        pytest.param(
            {"profile": {"max": "input:64x1x28x28"}},
            ENGINES | {"export/parity.json"} | chains(*VARIANTS),
            id="max shape",
        ),
        pytest.param(
            {"engine": {"openvino": {"precision": "bf16"}}}, OPENVINO | chains(*ON_OPENVINO), id="engine precision"
        ),
        pytest.param({"engine": {"tensorrt_rtx": {"targets": ["sm_120"]}}}, TENSORRT_RTX, id="targets"),
        pytest.param({"extra_profiles": [CONFIG["profile"]]}, TENSORRT_RTX, id="one more profile"),
        pytest.param({"engines": []}, set(), id="engine left out"),
        pytest.param({"train": SWAPPED}, AFTER_DATASET, id="two values of train swapped"),
        pytest.param(
            {"healthcheck": {"min_accuracy": 0.999, "min_agreement": 0.9}},
            HEALTH | sweeps(*VARIANTS) | IN_PROCESS,
            id="two bounds swapped",
        ),
        pytest.param({"sweep": {"concurrencies": [1, 4, 4 + 4]}}, sweeps(*VARIANTS), id="one more concurrency"),
        pytest.param({"sweep": {"window_ms": 400}}, sweeps(*VARIANTS) | IN_PROCESS, id="window"),
        pytest.param({"sweep": {"request_rates": [10]}}, sweeps(*VARIANTS), id="a request rate"),
        pytest.param({"sweep": {"slo_ms": 7}}, set(), id="objective of no request rate"),
        pytest.param({"compare": {"margin_percent": 9}}, set(), id="margin of the gate"),
        pytest.param(
            {"sweep": {"repeats": 2}},
            in_process_outputs(VARIANTS, [2]).union(*(measured_outputs(name, [2]) for name in VARIANTS)),
            id="one more repeat",
        ),
        pytest.param({"variants": [*VARIANTS, "onnx"]}, chains("onnx"), id="one more variant"),
        pytest.param({"variants": list(reversed(VARIANTS))}, set(), id="other order of the variants"),
        pytest.param({"export": {"tolerance": {"max_abs_error": 0.01}}}, {"export/parity.json"}, id="tolerance"),
        pytest.param({"serving": {"max_queue_delay_us": 100}}, chains(*VARIANTS), id="queue delay"),
        pytest.param(
            {"serving": {"instances": 2}},
            chains("openvino", "aotinductor", "bls", "ensemble", "null"),
            id="instances",
        ),
        pytest.param(
            {"server": "native"},
            {f"health/{name}.json" for name in NOT_PYTRITON}.union(
                sweeps(*NOT_PYTRITON), in_process_outputs(NOT_PYTRITON, [1])
            ),
            id="server",
        ),
        pytest.param({"serving": {"cuda_graphs": True, "image": "docker://other"}}, set(), id="of a GPU alone"),
        pytest.param({"pytriton": {"name": "Other"}}, chains("pytriton", "pytriton_engine"), id="name in PyTriton"),
        pytest.param({"dataset": {"mirrors": ["elsewhere"], "retries": 9}}, set(), id="mirrors"),
    ],
)
def test_change_of_the_config_reruns_exactly(finished_run, tmp_path, change, rerun):
    overlay = tmp_path / "change.yaml"
    overlay.write_text(yaml.safe_dump(change))
    # Every change is a change of run_config.yaml.
    assert finished_run.planned(*TARGETS, configfiles=(FULL, overlay)) == rerun | CLOSING


def test_same_values_said_again_rerun_nothing(finished_run, tmp_path):
    overlay = tmp_path / "same.yaml"
    overlay.write_text(yaml.safe_dump(CONFIG, sort_keys=True))
    assert finished_run.planned(*TARGETS, configfiles=(FULL, overlay)) == set()


def test_summary_agrees_with_a_dry_run(finished_run, tmp_path):
    """What the other tests read is what Snakemake would run."""
    overlay = tmp_path / "change.yaml"
    overlay.write_text("profile: {opt: input:32x1x28x28}\n")
    found = finished_run.snakemake("-n", *TARGETS, configfiles=(FULL, overlay))
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", (found.stdout + found.stderr).split("Reasons:")[-2], re.MULTILINE))
    assert jobs == {
        "engine_openvino": "1", "engine_aotinductor": "1", "engine_tensorrt_rtx": "1", "parity": "1", "repository": "2",
        "repository_pytriton": "1", "repository_bls": "1", "repository_ensemble": "1", "healthcheck": "5", "sweep": "5",
        "in_process": "3", "perf_table": "5", "provenance": "1", "perf_report": "1", "total": "29",
    }  # fmt: skip


@pytest.fixture
def edited(finished_run) -> Callable[[str, str], AbstractContextManager[None]]:
    """Add a line to a file of the finished run's project, for a while."""

    @contextmanager
    def edit(name: str, line: str) -> Iterator[None]:
        path = finished_run.root / name
        before = path.read_bytes()
        path.write_bytes(before + line.encode())
        try:
            yield
        finally:
            path.write_bytes(before)

    return edit


@pytest.mark.parametrize(
    ("name", "rerun"),
    [
        ("workflow/scripts/record/inputs.py", sweeps(*VARIANTS)),
        ("workflow/scripts/engine_openvino.py", OPENVINO | chains(*ON_OPENVINO)),
        ("workflow/scripts/engine_aotinductor.py", AOTINDUCTOR | chains("aotinductor")),
        ("workflow/backends/runtime_null.py", chains("null")),
        ("workflow/backends/model.py", chains("openvino", "aotinductor", "bls", "ensemble", "null")),
        ("workflow/backends/bls.py", chains("bls")),
        ("workflow/backends/runtime_eager.py", chains("pytriton")),
        ("workflow/scripts/pytriton_server.py", HEALTH | sweeps(*VARIANTS) | IN_PROCESS),
        ("workflow/scripts/in_process.py", IN_PROCESS),
        # The data set is the model file's too.
        ("workflow/scripts/models/mnist.py", (AFTER_DATASET | DATASET) - CLOSING),
        ("workflow/scripts/models/training.py", AFTER_DATASET - CLOSING),
        ("workflow/scripts/models/hifigan.py", set()),
        ("workflow/backends/runtime_onnx.py", set()),
    ],
)
def test_edit_of_the_code_reruns_what_uses_it(finished_run, edited, name, rerun):
    with edited(name, "\n# A remark.\n"):
        planned = finished_run.planned(*TARGETS, configfiles=(FULL,))
    assert planned - CLOSING == rerun
    # Figures made anew have a provenance and a report made anew.
    assert planned >= CLOSING or not rerun


def test_touching_code_reruns_nothing(finished_run):
    for path in (finished_run.root / "workflow").rglob("*.py"):
        path.touch()
    assert finished_run.planned(*TARGETS, configfiles=(FULL,)) == set()
