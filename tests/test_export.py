"""Exports and engines: a free batch axis, the same bytes every time, and as exact as promised."""

import json
import runpy
import shutil

import jsonschema
import numpy as np
import onnx
import pytest
import yaml
from onnx import numpy_helper

from conftest import MODEL, PROFILE, ROOT
from model import reference
from program.files import sha256

TOLERANCE = {"max_abs_error": 1e-4, "max_rel_error": 1e-4, "min_agreement": 1.0}


def parity(script, directory, onnx_file=None):
    return script(
        "parity.py", "--onnx", onnx_file or directory / "model.onnx", "--torchscript", directory / "model.ts",
        "--reference", directory / "reference.npz", "--parity", "parity.json",
        settings={"tolerance": TOLERANCE, "tolerances": {}, "profile": PROFILE, "model": MODEL},
    )  # fmt: skip


def test_graph_has_a_free_batch_axis_and_the_names_of_the_config(exported):
    graph = onnx.load(exported / "model.onnx")
    onnx.checker.check_model(graph, full_check=True)
    assert [opset.version for opset in graph.opset_import if not opset.domain] == [20]

    def shape(value):
        return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]

    assert {value.name: shape(value) for value in graph.graph.input} == {"input": ["batch", 1, 28, 28]}
    assert {value.name: shape(value) for value in graph.graph.output} == {"output": ["batch", 10]}


@pytest.mark.slow
def test_two_exports_give_the_same_bytes(exported, export):
    again = export()
    assert sha256(again / "model.onnx") == sha256(exported / "model.onnx")
    assert sha256(again / "reference.npz") == sha256(exported / "reference.npz")


def test_no_path_of_this_machine_is_in_the_graph(exported):
    content = (exported / "model.onnx").read_bytes()
    for place in (ROOT, exported, shutil.os.path.expanduser("~"), shutil.os.path.dirname(onnx.__file__)):
        assert str(place).encode() not in content
    assert b".py" not in content


def test_reference_is_what_the_model_answers(exported, dataset_files):
    with np.load(exported / "reference.npz") as reference, np.load(dataset_files / "test.npz") as data:
        assert set(reference) == {"labels", "input:input", "output:output"}
        assert reference["input:input"].shape == (200, 1, 28, 28)
        assert reference["output:output"].shape == (200, 10)
        np.testing.assert_array_equal(reference["labels"], data["labels"])


def test_parity(script, exported, tmp_path):
    found = parity(script, exported)
    assert found.returncode == 0, found.stderr
    result = json.loads((tmp_path / "parity.json").read_text())
    assert (result["samples"], result["tolerance"]) == (200, TOLERANCE)
    assert {name: list(sizes) for name, sizes in result["exports"].items()} == {
        "onnx": ["1", "4", "16"],
        "torchscript": ["1", "4", "16"],
    }
    for sizes in result["exports"].values():
        for one in sizes.values():
            assert one["agreement"] == 1
            assert 0 <= one["max_abs_error"] <= 1e-4


def test_wrong_export_stops_with_the_bound_it_breaks(script, exported, tmp_path):
    graph = onnx.load(exported / "model.onnx")
    weights = next(one for one in graph.graph.initializer if numpy_helper.to_array(one).ndim == 4)
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(1.01), weights.name))
    onnx.save(graph, tmp_path / "tampered.onnx")
    found = parity(script, exported, tmp_path / "tampered.onnx")
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].startswith(
        "parity.py: error: onnx differs from the reference at batch 1: output output: max abs error "
    )
    assert " > 0.0001" in found.stderr
    assert "Hint: look for an operator that was exported wrongly, give inputs" in found.stderr
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "parity.json").exists()


def build(script, exported, profile, precision="fp32"):
    return script(
        "engine_openvino.py", "--onnx", exported / "model.onnx", "--engine", "model.blob", "--record", "engine.json",
        settings={"profile": profile, "precision": precision},
    )  # fmt: skip


def test_openvino_engine_keeps_the_profile(script, exported, tmp_path):
    profile = PROFILE | {"min": "input:2x1x28x28"}
    found = build(script, exported, profile)
    assert found.returncode == 0, found.stderr
    record = json.loads((tmp_path / "engine.json").read_text())
    jsonschema.validate(record, json.loads((ROOT / "workflow/schemas/engine.schema.json").read_text()))
    assert record["profiles"] == [
        {bound: {"input": [batch, 1, 28, 28]} for bound, batch in (("min", 2), ("opt", 4), ("max", 16))}
    ]
    assert record["precision"] == {"requested": "fp32", "obtained": "fp32"}
    assert (record["backend"], record["file"]) == ("openvino", "model.blob")
    assert record["bytes"] == (tmp_path / "model.blob").stat().st_size
    assert record["sha256"] == sha256(tmp_path / "model.blob")
    assert record["source_sha256"] == sha256(exported / "model.onnx")
    # Served in the precision that it was built with, also where the processor would rather have another one.
    runtime = runpy.run_path(str(ROOT / "workflow" / "backends" / "runtime_openvino.py"))
    infer = runtime["load"](tmp_path, {"input": [{"name": "input"}], "output": [{"name": "output"}]}, 1, "cpu")
    with np.load(exported / "reference.npz") as reference:
        (answer,) = infer([reference["input:input"][:5]])
        np.testing.assert_allclose(answer, reference["output:output"][:5], atol=1e-3)


def test_openvino_refuses_shapes_that_do_not_fit_the_model(script, exported, tmp_path):
    profile = {bound: text.replace("28x28", "28x2") for bound, text in PROFILE.items()}
    found = build(script, exported, profile)
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert "engine_openvino.py: error: OpenVINO cannot compile " in found.stderr
    assert "Hint: see profile and engine.openvino" in found.stderr
    assert not (tmp_path / "model.blob").exists()
    assert not (tmp_path / "engine.json").exists()


def test_raw_reference_is_what_the_tensors_mean(exported, dataset_files):
    (tensors,), (raw,) = (reference.load(exported / name) for name in ("reference.npz", "reference_raw.npz"))
    with np.load(dataset_files / "test.npz") as data:
        np.testing.assert_array_equal(raw.inputs["image"], data["images"])
    scores = tensors.outputs["output"]
    assert list(raw.outputs) == ["label", "probability"]
    np.testing.assert_array_equal(raw.outputs["label"][:, 0], scores.argmax(1))
    np.testing.assert_allclose(raw.outputs["probability"][:, 0], np.exp(scores.max(1)), rtol=1e-6)
    np.testing.assert_array_equal(raw.labels, tensors.labels)


@pytest.mark.slow
def test_a_module_that_cannot_be_exported_is_refused_in_one_line(project, tmp_path):
    """It says what to write in the configuration; PyTorch's own pages are in the log."""
    eager = runpy.run_path(str(ROOT / "tests" / "zoo" / "eager.py"))["CONFIG"]
    own = {"file": str(ROOT / "tests" / "zoo" / "eager.py"), "arguments": {}, "raw": None}
    overlay = tmp_path / "eager.yaml"
    config = {
        "run": "eager",
        **eager,
        "model": {**eager["model"], **own},
        "dataset": {"source": None},
        "variants": ["openvino", "pytriton", "onnx", "null"],
        "engines": ["tensorrt_rtx", "aotinductor"],
        "pytriton": {"inputs": ["x"], "outputs": ["y"]},
        "sweep": {"batch_sizes": [1]},
    }
    overlay.write_text(yaml.safe_dump(config))
    target = "artifacts/eager/export/model.onnx"
    found = project.snakemake("--cores", "2", target, configfiles=(overlay,), check=False)
    assert found.returncode == 1
    (line,) = [line for line in found.stderr.splitlines() if "error: " in line]
    assert line.startswith("export.py: error: the module cannot be exported to ONNX: GuardOnDataDependentSymNode: ")
    instead = "write variants: [pytriton, 'null'] and engines: [aotinductor] in the configuration"
    assert f" Hint: {instead}; or see the rule's log" in line
    assert "Traceback" not in found.stdout + found.stderr
    assert "Could not extract specialized integer" in (project.root / "artifacts/eager/logs/export.log").read_text()
    assert not (project.root / target).exists()
