"""Precisions as a dimension of the variants: what they are made from, what they cost, and who refuses them."""

import json
import re
import runpy

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
import yaml

import quantize
from analyse.document import document as report
from analyse.intervals import mcnemar, paired_difference
from analyse.precision import precisions
from analyse.summary import summarise
from conftest import DEFAULT, MODEL, PROFILE, ROOT, SERVING, Programs, merged
from engine_aotinductor import in_bf16
from model import tensors
from model.comparison import Paired, paired
from model.graph import runner
from plan import machine, processor
from plan.config import checked
from plan.rule_settings import RuleSettings
from plan.snakemake_internals import PlannedJob
from plan.workflow_plan import Plan
from report_sample import engine, healthy, measured, other_records, rounds, sample_document
from serve.variants import VARIANTS, in_fp32, in_precisions
from show.page import SECTIONS

BOUNDS = DEFAULT["healthcheck"]


def asked(**overlay) -> RuleSettings:
    return RuleSettings(Plan(checked(merged(DEFAULT, overlay), ROOT), ROOT))


def test_a_variant_is_served_in_each_precision_that_it_has_or_in_fp32():
    names = ["openvino", "onnx", "pytriton", "null"]
    assert in_precisions(names, ["fp32", "bf16", "int8"]) == [
        "openvino", "openvino_bf16", "openvino_int8", "onnx", "onnx_int8", "pytriton", "null",
    ]  # fmt: skip
    assert in_precisions(names, ["bf16"]) == ["openvino_bf16", "onnx", "pytriton", "null"]
    assert [in_fp32(name) for name in ("openvino_python_int8", "onnx", "elsewhere")] == [
        "openvino_python", "onnx", "elsewhere",
    ]  # fmt: skip
    assert VARIANTS["openvino_python_bf16"].of == "openvino_bf16"


def test_what_a_precision_is_made_from():
    plan = asked(variants=["openvino", "onnx", "bls"], precisions=["int8"], engines=[]).plan
    assert plan.variants == ["openvino_int8", "onnx_int8", "bls"]
    # bls calls serving.inner, which is openvino in fp32.
    assert plan.engines == ["openvino", "openvino_int8"]
    assert plan.artifact("onnx_int8") == ["artifacts/mnist/export/int8/model.onnx"]
    assert plan.openvino_graph("openvino_int8") == "artifacts/mnist/export/int8/model.onnx"
    assert plan.openvino_graph("openvino_bf16") == "artifacts/mnist/export/model.onnx"
    assert plan.exports == ["onnx"]
    assert plan.without("openvino_int8") == "leave int8 out of precisions"


def test_bounds_of_answers_follow_the_precision():
    settings = asked(precisions=["fp32", "int8"])
    assert vars(settings.judgement("openvino").bounds) == {
        **{name: BOUNDS[name] for name in ("min_accuracy", "min_agreement", "max_abs_error")},
        **{"max_rel_error": None, "max_accuracy_loss": None},
    }
    assert vars(settings.judgement("openvino_int8").bounds) == {
        "min_accuracy": BOUNDS["min_accuracy"], "max_abs_error": None, **BOUNDS["lower_precisions"]["int8"],
    }  # fmt: skip
    inner = asked(serving={"inner": "onnx_int8"}).judgement("bls").bounds
    assert inner.max_rel_error == BOUNDS["lower_precisions"]["int8"]["max_rel_error"]


@pytest.fixture(scope="module")
def quantised(exported, dataset_files, tmp_path_factory):
    """model.onnx in int8 by the rule's own script, calibrated with digits, and with nothing but black images."""
    found = {}
    for name in ("digits", "black"):
        directory = tmp_path_factory.mktemp(name)
        with np.load(dataset_files / "train.npz") as data:
            images = data["images"] if name == "digits" else np.zeros_like(data["images"])
            np.savez(directory / "train.npz", images=images, labels=data["labels"])
        made = Programs(directory)(
            "quantize.py", "--source", exported / "model.onnx", "--dataset", "train.npz",
            "--model-file", ROOT / DEFAULT["model"]["file"], "--onnx", "model.onnx",
            settings={"model": MODEL, "shapes": []},
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        found[name] = directory / "model.onnx"
    return found


def compile_engine(script, onnx_file, precision):
    return script(
        "engine_openvino.py", "--onnx", onnx_file, "--engine", "model.blob", "--record", "engine.json",
        settings={"profile": PROFILE, "precision": precision},
    )  # fmt: skip


def test_one_quantised_graph_serves_onnx_runtime_and_openvino(script, quantised, exported, tmp_path):
    graph = onnx.load(quantised["digits"]).graph
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in graph.node}
    with np.load(exported / "reference.npz") as reference:
        inputs, expected = reference["input:input"], reference["output:output"]
    (answer,) = runner(quantised["digits"], ["output"])({"input": inputs})
    assert np.mean(answer.argmax(1) == expected.argmax(1)) >= 0.97
    # Not fp32 under another name.
    assert np.abs(answer - expected).max() > 1e-3
    found = compile_engine(script, quantised["digits"], "int8")
    assert found.returncode == 0, found.stderr
    record = json.loads((tmp_path / "engine.json").read_text())
    assert record["precision"] == {"requested": "int8", "obtained": "int8"}
    kinds = {layer["kind"]: layer["precision"] for layer in record["layers"]}
    assert (kinds["Convolution"], kinds["FullyConnected"], kinds["Input"]) == ("int8", "int8", "")
    runtime = runpy.run_path(str(ROOT / "workflow" / "backends" / "runtime_openvino.py"))
    infer = runtime["load"](tmp_path, {"input": [{"name": "input"}], "output": [{"name": "output"}]}, 1, "cpu")
    (served,) = infer([inputs[:16]])
    np.testing.assert_array_equal(served.argmax(1), answer[:16].argmax(1))


def test_an_engine_says_what_it_obtained(script, exported, tmp_path):
    """bf16 on a processor that has it, and what OpenVINO puts in its place on others."""
    assert compile_engine(script, exported / "model.onnx", "bf16").returncode == 0
    record = json.loads((tmp_path / "engine.json").read_text())
    native = not processor.emulated("bf16", processor.flags())
    assert record["precision"]["requested"] == "bf16"
    assert not native or record["precision"]["obtained"] == "bf16"


def test_a_module_computes_in_bf16_between_its_own_types():
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 3)
            self.seen = set()

        def forward(self, x, ids):
            result = self.linear(x)
            self.seen = {result.dtype, ids.dtype}
            return result, ids

    module, inputs = Module(), (torch.rand(2, 4), torch.tensor([1, 2]))
    expected = module(*inputs)[0]
    scores, ids = in_bf16(module, inputs)(*inputs)
    assert module.seen == {torch.bfloat16, torch.int64}
    assert (scores.dtype, ids.tolist()) == (torch.float32, [1, 2])
    torch.testing.assert_close(scores, expected, atol=0.03, rtol=0)


def test_calibration_without_a_data_set_uses_other_samples_than_the_reference(script, exported, tmp_path):
    found = script(
        "quantize.py", "--source", exported / "model.onnx", "--onnx", "made_up.onnx", "--log", "log",
        settings={"model": MODEL, "shapes": [{"input": [16, 1, 28, 28]}]},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "calibrated with 16 samples made up" in (tmp_path / "log").read_text()
    assert quantize.SEED != tensors.SEED


def test_what_cannot_be_quantised_is_one_line(script, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    found = script(
        "quantize.py", "--source", "broken.onnx", "--onnx", "model.onnx",
        settings={"model": MODEL, "shapes": [{"input": [16, 1, 28, 28]}]},
    )  # fmt: skip
    assert found.returncode == 2
    assert found.stderr == (
        "quantize.py: error: ONNX Runtime cannot quantise broken.onnx: Error parsing message."
        " Hint: see the rule's log, or leave int8 out of precisions\n"
    )
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("calibrated_with", "sound"), [("digits", True), ("black", False)])
def test_the_gate_refuses_a_bad_calibration_by_name(script, quantised, exported, tmp_path, calibrated_with, sound):
    """Through Triton, from the repository to the judgement."""
    profile = {bound: PROFILE[bound] for bound in ("min", "max")}
    bounds = asked(precisions=["int8"]).judgement("onnx_int8").bounds
    # The sample's model was trained for one epoch.
    bounds = {**vars(bounds), "min_accuracy": 0.0}
    steps = [
        ("repository.py", ["--model-py", ROOT / "workflow/backends/model.py", "--runtime",
         ROOT / "workflow/backends/runtime_onnx.py", "--artifact", quantised[calibrated_with], "--repository",
         "served", "--listing", "served.json"],
         {"name": "small", "backend": None, "model": MODEL, "profile": profile, "serving": SERVING}),
        ("healthcheck.py", ["--repository", "served", "--reference", exported / "reference.npz",
         "--server-log", "log", "--checks", "checks.json"],
         {"variant": "onnx_int8", "name": "small", "server": "bundled", "computes": True, "model": MODEL,
          "profile": profile, "largest": {"batch": 16}, "samples": "all"}),
        ("judgement.py", ["--checks", "checks.json", "--health", "health.json"], {"bounds": bounds, "tolerances": {}}),
    ]  # fmt: skip
    for name, options, settings in steps:
        found = script(name, *options, settings=settings)
        assert found.returncode == 0, found.stderr
    health = json.loads((tmp_path / "health.json").read_text())
    pairs = health["protocols"]["grpc"]["paired"]
    assert sum(pairs[name] for name in ("both", "variant_alone", "reference_alone", "neither")) == 200
    assert health["healthy"] is sound, health["reasons"]
    assert sound or re.search(r"onnx_int8 is unhealthy: grpc: .*output output: agreement 0\.\d+ < 0.97", found.stderr)
    assert sound or any("below the reference's, more than 0.01" in reason for reason in health["reasons"])


def test_pairs_of_answers():
    expected = np.eye(4)[[0, 1, 2, 3, 0]]
    output = np.eye(4)[[0, 1, 3, 2, 1]]
    found = paired(output, expected, np.array([0, 2, 2, 2, 3]))
    assert found == Paired(both=1, variant_alone=1, reference_alone=1, neither=2, differing=3)
    assert (found.samples, found.accuracy, found.loss) == (5, 0.4, 0.0)


def test_interval_of_paired_shares():
    """Of 21 children 1 reacts before and 7 after alone (Fagerland, Lydersen and Laake 2014): Bonett and Price's."""
    found = paired_difference(gained=1, lost=7, samples=21)
    assert (round(found.low, 3), round(found.middle, 3), round(found.high, 3)) == (-0.508, -0.286, -0.013)
    assert mcnemar(1, 7) == pytest.approx(2 * (1 + 8) / 2**8)
    assert mcnemar(0, 0) == 1
    same = paired_difference(0, 0, 1000)
    assert same.low < same.middle == 0 < same.high == -same.low


def pairs_of(variant, lost, **changes):
    found = healthy(variant, **changes)
    pairs = {"both": 980 - lost, "variant_alone": 1, "reference_alone": lost, "neither": 19, "differing": lost + 1}
    return found | {"protocols": {name: one | {"paired": pairs} for name, one in found["protocols"].items()}}


SERVED = {"openvino": 1000, "openvino_bf16": 1900, "openvino_int8": 3000, "onnx": 900, "onnx_int8": 5000}


@pytest.fixture
def document():
    """A run in which int8 is fastest: of OpenVINO at a little less accuracy, of ONNX Runtime refused."""
    health = {name: pairs_of(name, lost) for name, lost in zip(SERVED, (1, 1, 3, 1, 1))}
    health["onnx_int8"] = pairs_of("onnx_int8", 500, reasons=("grpc: output output: agreement 0.4990 < 0.97",))
    table = pd.DataFrame([measured(name, 65, throughput) for name, throughput in SERVED.items()])
    turns = rounds(SERVED)
    return report(summarise(table, {}, {}, turns), table, turns, [], health, [engine()], other_records())


def test_the_page_says_what_a_precision_gains_and_costs(document):
    found = {one["variant"]: one for one in document["precisions"]}
    assert list(found) == list(SERVED)
    assert found["openvino"]["text"] is None
    text = found["openvino_int8"]["text"]
    assert text.startswith("openvino_int8: 3.0× openvino at 65, 4 of 1,000 answers differ, accuracy −0.2 % [−0.7, 0.3]")
    assert found["onnx_int8"]["text"] == "onnx_int8 is refused: grpc: output output: agreement 0.4990 < 0.97"
    # openvino and onnx are slower than bf16 and no more accurate; what is refused has no part.
    assert [name for name, one in found.items() if one["front"]] == ["openvino_bf16", "openvino_int8"]
    section = next(one for one in SECTIONS if one.name == "precision")
    assert [one["variant"] for one in section.view(document)["front"]] == ["openvino_bf16", "openvino_int8"]
    drawn = {trace.name for trace in section.plots(document)["precision"].data if trace.mode == "markers"}
    assert drawn == set(SERVED) - {"onnx_int8"}


def test_a_run_in_fp32_has_no_section_of_precisions():
    section = next(one for one in SECTIONS if one.name == "precision")
    assert sample_document()["precisions"] == []
    assert section.view(sample_document()) is None


ZEN4 = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16"]


@pytest.mark.parametrize(
    ("flags", "features", "emulated"),
    [
        (["sse4_1", "avx2"], [], ["int8", "bf16", "fp16"]),
        (["avx2", "avx_vnni"], ["VNNI"], ["bf16", "fp16"]),
        (["avx512f", "avx512_vnni"], ["AVX-512", "VNNI"], ["bf16", "fp16"]),
        (ZEN4, ["AVX-512", "VNNI", "bf16"], ["fp16"]),
        ([*ZEN4, "avx512_fp16", "amx_tile", "amx_bf16"], ["AVX-512", "VNNI", "bf16", "fp16", "AMX"], []),
        # Not known, so nothing is claimed.
        ([], [], []),
    ],
)
def test_what_a_processor_emulates(flags, features, emulated):
    assert processor.features(flags) == features
    lower = ["int8", "bf16", "fp16"]
    assert [name for name in lower if processor.emulated(name, flags)] == emulated
    assert len(processor.warnings(["fp32", *lower], flags)) == len(emulated)
    assert not processor.emulated("fp32", flags)


def test_a_run_warns_of_what_it_measures_alone(monkeypatch):
    monkeypatch.setattr(processor, "flags", lambda: ["avx2", "avx_vnni"])
    settings = asked(precisions=["fp32", "bf16", "int8"])
    jobs = [PlannedJob("sweep", {"variant": name}, False, False, 1, "", 1, None) for name in ("openvino_bf16", "onnx")]
    (line,) = machine.warnings(jobs, settings)
    assert line.startswith("precisions: this processor has no instructions for bf16 and emulates it")
    assert machine.warnings(jobs[1:], settings) == []


def test_a_precision_that_is_emulated_is_marked(document):
    rows, health = document["rows"], document["health"]
    found = precisions(rows, health, document["comparisons"], ["avx2", "avx_vnni"])
    assert [one["variant"] for one in found if one["emulated"]] == ["openvino_bf16"]


def test_the_overlay_serves_every_precision():
    overlay = yaml.safe_load((ROOT / "config" / "precision.yaml").read_text())
    assert asked(**overlay).plan.variants == [*list(SERVED), "pytriton", "null"]
