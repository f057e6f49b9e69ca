"""What a run plans, and what a change makes it do again: exactly that."""

import re
import shutil

import pytest
import yaml

from conftest import DEFAULT, FULL, OVERLAYS, ROOT, TARGETS, copy_project, merged
from expected import CLOSING, HEAD_TO_HEAD, expected_outputs, in_process_outputs, measured_outputs, variant_outputs

CONFIG = merged(DEFAULT, yaml.safe_load((ROOT / FULL).read_text()))
GPU = "config/gpu.yaml"
VARIANTS = ("openvino", "aotinductor", "pytriton", "pytriton_engine", "bls", "ensemble", "null")
ENGINES = {f"engine/{name}" for name in ("openvino/model.blob", "aotinductor/model.pt2", "tensorrt_rtx/model.engine")}
ENGINES |= {f"engine/{name}/engine.json" for name in ("openvino", "aotinductor", "tensorrt_rtx")}
# Those that serve an engine, by themselves or through serving.inner.
ON_ENGINE = ("openvino", "pytriton_engine", "bls", "ensemble", "aotinductor")
IN_PROCESS = in_process_outputs(VARIANTS, [1])
SWEEPS = set().union(*(measured_outputs(variant, [1]) for variant in VARIANTS))
HEALTH = {f"health/{variant}.json" for variant in VARIANTS}
# No training changes the native backends, nor the repository of a model that computes nothing.
AFTER_DATASET = {
    name for name in expected_outputs(CONFIG) if not name.startswith(("dataset/", "backends/", "repository/null"))
}
# Snakemake compares params as a set: swapped values would go unseen were they params of their own.
SWAPPED = {"epochs": CONFIG["train"]["batch_size"], "batch_size": CONFIG["train"]["epochs"]}


def chains(*variants: str) -> set[str]:
    """Everything that the variants have for themselves."""
    return set().union(*(variant_outputs(variant, [1]) for variant in variants))


@pytest.mark.slow
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


@pytest.mark.slow
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


# docs/reruns.md has every key, in a run that is pretended; these hold in one that took place.
@pytest.mark.parametrize(
    ("change", "rerun"),
    [
        pytest.param(
            {"profile": {"opt": "input:32x1x28x28"}},
            ENGINES | {"export/parity.json"} | chains(*ON_ENGINE) | IN_PROCESS | HEAD_TO_HEAD,
            id="opt shape",
        ),
        pytest.param({"train": SWAPPED}, AFTER_DATASET, id="two values of train swapped"),
        pytest.param(
            {"healthcheck": {"min_accuracy": 0.999, "min_agreement": 0.9}},
            HEALTH,
            id="answers judged by two other bounds",
        ),
        pytest.param({"healthcheck": {"min_accuracy": 0.5}}, HEALTH, id="a gate loosened"),
        pytest.param({"healthcheck": {"max_abs_error": 1e-12}}, HEALTH, id="a gate that no variant passes"),
        pytest.param({"train": {"min_accuracy": 0.5}}, {"model/accepted.json"}, id="the gate of training loosened"),
        pytest.param({"sweep": {"concurrencies": [1, 2, 4]}}, SWEEPS, id="one more concurrency"),
        pytest.param({"sweep": {"concurrencies": [1, 4, 8]}}, SWEEPS | HEAD_TO_HEAD, id="a higher concurrency"),
        pytest.param({"sweep": {"rounds": 3}}, HEAD_TO_HEAD, id="more rounds"),
        pytest.param(
            {"sweep": {"repeats": 2}},
            in_process_outputs(VARIANTS, [2]).union(*(measured_outputs(name, [2]) for name in VARIANTS)),
            id="one more repeat",
        ),
        pytest.param(
            {"variants": [*VARIANTS, "onnx"]},
            chains("onnx") | in_process_outputs(["onnx"], [1]) | HEAD_TO_HEAD,
            id="one more variant",
        ),
        pytest.param({"engines": [], "compare": {"margin_percent": 9}}, set(), id="what makes no output"),
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
        "repository_pytriton": "1", "repository_bls": "1", "repository_ensemble": "1", "healthcheck": "5",
        "judgement": "5", "sweep": "5", "head_to_head": "1", "in_process": "3",
        "provenance": "1", "perf_report": "1", "total": "30",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rerun"),
    [
        ("workflow/scripts/record/inputs.py", SWEEPS | HEAD_TO_HEAD | CLOSING),
        ("workflow/backends/bls.py", chains("bls") | HEAD_TO_HEAD | CLOSING),
        ("workflow/scripts/models/hifigan.py", set()),
        ("workflow/backends/runtime_onnx.py", set()),
    ],
)
def test_edit_of_the_code_reruns_what_uses_it(finished_run, name, rerun):
    path = finished_run.root / name
    before = path.read_bytes()
    path.write_bytes(before + b"\n# A remark.\n")
    try:
        assert finished_run.planned(*TARGETS, configfiles=(FULL,)) == rerun
    finally:
        path.write_bytes(before)


@pytest.mark.slow
def test_touching_code_reruns_nothing(finished_run):
    for path in (finished_run.root / "workflow").rglob("*.py"):
        path.touch()
    assert finished_run.planned(*TARGETS, configfiles=(FULL,)) == set()


def test_a_variant_is_one_file_and_one_entry(tmp_path):
    """What CONTRIBUTING.md says of one that follows an existing kind; all that belongs to it is planned."""
    own = copy_project(tmp_path / "project")
    backends, registry = own.root / "workflow" / "backends", own.root / "workflow" / "scripts" / "serve" / "variants.py"
    shutil.copy(backends / "runtime_onnx.py", backends / "runtime_mine.py")
    entry = '    "mine": Variant(runtime="runtime_mine.py", artifact="export/model.onnx", devices=("cpu", "cuda")),\n'
    head, opening, entries = registry.read_text().partition("VARIANTS = {\n")
    registry.write_text(head + opening + entry + entries)
    (own.root / "mine.yaml").write_text("variants: [mine]\n")
    planned = own.planned(*TARGETS, configfiles=(FULL, "mine.yaml"))
    assert variant_outputs("mine", [1]) | in_process_outputs(["mine"], [1]) <= planned
    assert not any(path.startswith("repository/") for path in planned - {"repository/mine", "repository/mine.json"})
