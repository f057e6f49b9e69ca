"""Models other than the default one: two inputs of integers, an axis that varies, a ready graph."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml

from conftest import CONFIGS, DEFAULT, MODEL, PROFILE, ROOT, Project, copy_project, merged
from healthcheck import Checks, answering, faults, larger
from judgement import beyond, judged
from model import reference, shapes, tensors
from model.comparison import OutputDifference, Paired
from model.model_file import declared
from model.reference import Reference, cases
from model.signature import Tensor
from plan.settings.health import Bounds, Judgement
from program.cli import UserError

TEXT, WAVE = (yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) for name in ("text", "wave"))
VARIANTS = {
    "text": ("openvino", "pytriton", "null"),
    "wave": ("aotinductor", "pytriton_engine", "null"),
    "graph": ("onnx",),
}


@pytest.fixture(scope="module")
def project_of_models(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the project for models whose files lie outside of it."""
    return copy_project(tmp_path_factory.mktemp("models") / "project")


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory outside of the project with the model files and configurations."""
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def runs(project_of_models: Project, overlays: Path) -> Path:
    """The artifacts of three models, up to their health checks."""
    project = project_of_models

    def make(name: str, config: Mapping[str, object], *further: str) -> None:
        overlay = overlays / f"{name}.yaml"
        overlay.write_text(yaml.safe_dump(config))
        targets = [f"artifacts/{name}/health/{variant}.json" for variant in VARIANTS[name]]
        further = tuple(f"artifacts/{name}/{path}" for path in ("export/parity.json", *further))
        project.snakemake("--cores", "2", *targets, *further, configfiles=(overlay,))

    for name, config in (("text", TEXT), ("wave", WAVE)):
        shutil.copy(ROOT / config["model"]["file"], overlays)
        moved = {"file": str(overlays / f"{name}.py")}
        make(
            name, merged(config, {"model": moved, "variants": list(VARIANTS[name])}), "engine/tensorrt_rtx/engine.json"
        )
    graph = shutil.copy(project.root / "artifacts" / "wave" / "export" / "model.onnx", overlays)
    ready = {"file": "", "onnx": str(graph), "arguments": {}}
    overlay = merged(WAVE, {"run": "graph", "variants": ["onnx"]})
    overlay["model"] |= ready
    make("graph", overlay)
    return project.root / "artifacts"


def read(path: Path) -> dict:
    return json.loads(path.read_text())


SHAPES = {
    "text": ["ids:1x2,mask:1x2", "ids:4x6,mask:4x6", "ids:8x20,mask:8x20"],
    "wave": ["spec:1x6x4", "spec:4x6x12", "spec:8x6x40"],
    "graph": ["spec:1x6x4", "spec:4x6x12", "spec:8x6x40"],
}


@pytest.mark.parametrize(("name", "exports"), [("text", ["onnx"]), ("wave", ["onnx"]), ("graph", ["onnx"])])
def test_exports_agree_with_pytorch_at_every_bound(runs, name, exports):
    found = read(runs / name / "export" / "parity.json")["exports"]
    assert list(found) == exports
    for one in found.values():
        assert set(SHAPES[name]) <= set(one)
        # Only what is declared to be class scores is an answer that could agree.
        assert {part["agreement"] for part in one.values()} == ({1.0} if name == "text" else {None})


@pytest.mark.parametrize(("name", "variant"), [(name, one) for name, ones in VARIANTS.items() for one in ones])
def test_every_variant_is_healthy_and_says_that_accuracy_is_not_defined(runs, name, variant):
    health = read(runs / name / "health" / f"{variant}.json")
    assert (health["healthy"], health["reasons"], health["accuracy"]) == (True, [], None)
    for found in health["protocols"].values():
        assert found["refuses_beyond_profile"]
        assert {SHAPES[name][0], SHAPES[name][-1]} <= set(found["parity"]) <= set(SHAPES[name])
        if variant != "null":
            assert max(one["max_abs_error"] for one in found["parity"].values()) < 1e-3


@pytest.mark.parametrize("name", ["text", "wave"])
def test_engines_have_the_profile_on_every_axis(runs, name):
    config = {"text": TEXT, "wave": WAVE}[name]
    profile = {bound: shapes.parse(config["profile"][bound]) for bound in ("min", "opt", "max")}
    for backend in {"text": ("openvino", "tensorrt_rtx"), "wave": ("aotinductor", "tensorrt_rtx")}[name]:
        assert read(runs / name / "engine" / backend / "engine.json")["profiles"] == [profile]


def test_axes_have_the_names_of_the_config(runs):
    graph = onnx.load(runs / "wave" / "export" / "model.onnx").graph
    (spec,), (wave,) = graph.input, graph.output
    assert [axis.dim_param or axis.dim_value for axis in spec.type.tensor_type.shape.dim] == ["batch", 6, "frames"]
    assert [axis.dim_param or axis.dim_value for axis in wave.type.tensor_type.shape.dim] == ["batch", 1, "4*frames"]
    served = (runs / "wave" / "repository" / "null" / "wave_null" / "config.pbtxt").read_text()
    assert re.findall(r"^  dims: (-?\d+)$", served, re.MULTILINE) == ["6", "-1", "1", "-1"]


def test_ready_graph_starts_the_chain_at_the_engines(runs):
    assert [name for name in ("dataset", "model", "export/model.ts") if (runs / "graph" / name).exists()] == []
    outputs = [reference.load(runs / name / "export" / "reference.npz") for name in ("wave", "graph")]
    for own, given in zip(*outputs):
        np.testing.assert_array_equal(own.inputs["spec"], given.inputs["spec"])
        np.testing.assert_allclose(own.outputs["wave"], given.outputs["wave"], atol=1e-5)


def test_arguments_of_build_are_kept_with_the_weights(runs):
    import torch

    content = torch.load(runs / "wave" / "model" / "model.pt", weights_only=True)
    assert content["arguments"] == {"channels": 7}
    assert content["state_dict"]["0.weight"].shape[0] == 7
    assert read(runs / "wave" / "model" / "metrics.json")["weights"] == "as built"


def test_runs_do_not_touch_each_other(project_of_models, overlays, runs):
    """Of a run that others followed nothing is made anew, and a plan has files of its own run alone."""
    done = project_of_models.snakemake("-n", "artifacts/text/health/null.json", configfiles=(overlays / "text.yaml",))
    assert "Nothing to be done" in done.stdout + done.stderr
    table = project_of_models.snakemake("--detailed-summary", "perf_report").stdout.splitlines()
    rows = [dict(zip(table[0].split("\t"), line.split("\t"))) for line in table[1:]]
    files = {path for row in rows for path in [row["output_file"], *row["input-file(s)"].split(",")]}
    assert {path.split("/")[1] for path in files if path.startswith("artifacts/")} == {DEFAULT["run"], "backends"}


# The parts, without a run


INPUTS = [Tensor("a", "FP16", [3, "n"]), Tensor("b", "FP32", ["n"])]
SIZES = {"a": [2, 3, 5], "b": [2, 5]}


def test_made_up_inputs_are_the_same_every_time_and_of_the_types_asked_for():
    found, again = (tensors.made_up(INPUTS, SIZES) for _ in range(2))
    assert {name: (array.dtype, list(array.shape)) for name, array in found.items()} == {
        "a": (np.float16, [2, 3, 5]), "b": (np.float32, [2, 5]),
    }  # fmt: skip
    for name, array in found.items():
        np.testing.assert_array_equal(array, again[name])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": np.zeros((2, 3, 5), np.float16)}, "example of the model file gives a. Hint: the config says a, b"),
        (
            {"a": np.zeros((2, 3, 5), np.float16), "b": np.zeros((2, 5))},
            "example of the model file gives b as float64 of shape [2, 5]. Hint: the config says FP32, batch first",
        ),
        (
            {"a": np.zeros((2, 4, 5), np.float16), "b": np.zeros((2, 5), np.float32)},
            "example of the model file gives a as float16 of shape [2, 4, 5].",
        ),
        (
            {"a": np.zeros((2, 3, 6), np.float16), "b": np.zeros((2, 5), np.float32)},
            "example of the model file returns a with shape [2, 3, 6] instead of [2, 3, 5].",
        ),
    ],
)
def test_example_that_does_not_fit_the_config(given, message):
    with pytest.raises(UserError) as caught:
        tensors.made_up(INPUTS, SIZES, lambda *_: given)
    assert str(caught.value).startswith(message)


def test_module_with_another_number_of_outputs():
    with pytest.raises(UserError, match=r"^the module gives 2 outputs\. Hint: model\.outputs of the config has 1$"):
        tensors.named([np.zeros(1), np.zeros(1)], [Tensor(**one) for one in MODEL["outputs"]], "the module")


def group(count: int, length: int, labels: np.ndarray | None = None) -> Reference:
    values = np.arange(count * length, dtype=np.float32).reshape(count, length)
    return Reference({"x": values}, {"y": values * 2}, labels)


def test_reference_is_read_as_it_was_written(tmp_path):
    groups = [group(3, 4, np.array([1, 0, 2])), group(2, 7)]
    reference.save(tmp_path / "reference.npz", groups)
    found = reference.load(tmp_path / "reference.npz")
    assert [one.shapes for one in found] == [{"x": [4]}, {"x": [7]}]
    for one, other in zip(found, groups):
        np.testing.assert_array_equal(one.outputs["y"], other.outputs["y"])
    assert (found[0].labels.tolist(), found[1].labels) == ([1, 0, 2], None)


def test_cases_of_a_profile_have_enough_samples_of_its_shapes():
    profile = {"min": {"x": [1, 4]}, "opt": {"x": [2, 7]}, "max": {"x": [5, 7]}}
    found = cases([group(3, 7), group(3, 4)], profile)
    assert {label: (part.shapes["x"], part.samples, size) for label, (part, size) in found.items()} == {
        "x:1x4": ([4], 3, 1), "x:2x7": ([7], 3, 2), "x:5x7": ([7], 5, 5),
    }  # fmt: skip
    assert list(cases([group(8, 4)], {"min": {"x": [1, 4]}, "max": {"x": [8, 4]}})) == ["1", "8"]


def test_labels_are_compared_with_scores_or_with_one_integer_per_sample():
    boxes, label = Tensor("boxes", "FP32", [4]), Tensor("label", "INT64", [1])
    scores, mask = Tensor("scores", "FP32", [10], scores=True), Tensor("mask", "UINT8", [8, 8])
    assert [answering(outputs) for outputs in ([boxes, label], [label, scores], [boxes, mask])] == [1, 1, None]


SOUND = Checks(
    live=True, ready=True, model_ready=True, metadata_as_promised=True, refuses_beyond_profile=True,
    accepted_beyond_profile=[], parity={"spec:1x6x4": {"wave": OutputDifference(max_abs_error=1e-6, max_rel_error=0)}},
    samples=16, paired=None,
)  # fmt: skip
# One of ten samples is answered rightly.
POOR = Paired(both=1, variant_alone=0, reference_alone=8, neither=1, differing=8)
BOUNDS = Bounds(max_abs_error=1e-3, min_agreement=0.9, min_accuracy=0.9)
JUDGEMENT = Judgement(BOUNDS, {})


def test_health_without_accuracy_or_agreement_is_judged_by_its_errors():
    assert faults(SOUND) == beyond(SOUND.recorded(), JUDGEMENT) == []
    broken = {"spec:1x6x4": {"wave": OutputDifference(max_abs_error=0, max_rel_error=0, misplaced=1)}}
    wrong = replace(SOUND, parity=broken, accepted_beyond_profile=["frames"], refuses_beyond_profile=False)
    assert faults(wrong) == ["not refuses beyond profile", "accepts more than the profile on the axis frames"]
    assert beyond(replace(wrong, paired=POOR).recorded(), JUDGEMENT) == [
        "output wave: elements that differ in NaN or infinity: 1 at spec:1x6x4", "accuracy 0.1000 < 0.9",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("computes", "reasons"), [(True, ["grpc: not live", "grpc: accuracy 0.1000 < 0.9"]), (False, ["grpc: not live"])]
)
def test_judgement_of_what_was_recorded(computes, reasons):
    """Nothing is asked of the answers of a model that computes nothing."""
    recorded = {"variant": "a", "computes": computes, "faults": ["grpc: not live"]}
    recorded["protocols"] = {"grpc": replace(SOUND, paired=POOR).recorded()}
    found = judged(recorded, JUDGEMENT)
    assert (found.pop("healthy"), found.pop("reasons")) == (False, reasons)
    assert found == {"variant": "a", "protocols": recorded["protocols"]}
    assert judged(recorded | {"faults": []}, Judgement(replace(BOUNDS, min_accuracy=0.1), {}))["healthy"]


def test_larger_request_grows_every_axis_of_the_name():
    inputs = [Tensor(**one) for one in TEXT["model"]["inputs"]]
    one = Reference({"ids": np.array([[1, 2, 3]]), "mask": np.array([[1, 1, 0]])}, {})
    grown = larger(one, inputs, "tokens", 5)
    assert {name: array.tolist() for name, array in grown.items()} == {
        "ids": [[1, 2, 3, 1, 2]],
        "mask": [[1, 1, 0, 1, 1]],
    }
    assert {array.shape for array in larger(one, inputs, "batch", 4).values()} == {(4, 3)}


def test_model_file_is_read_without_running_it(tmp_path):
    (tmp_path / "mine.py").write_text(
        "raise SystemExit\nDATASETS = {'one': ('seed',)}\nLIMIT: int = 3\nOTHER = print\n"
        "def build(): ...\nclass Inner:\n    def train(self): ...\n"
    )
    found = declared(tmp_path / "mine.py")
    assert found.functions == {"build"}
    assert found.constants == {"DATASETS": {"one": ("seed",)}, "LIMIT": 3}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"inputs": [{"name": "image", "dtype": "FP32", "dims": [1, 28, 28]}]},
            "model.inputs: the graph has input, the config image.",
        ),
        (
            {"inputs": [{"name": "input", "dtype": "INT64", "dims": [1, 28, 28]}]},
            "model.inputs: input is FP32 [-1, 1, 28, 28] in the graph (-1: free), and INT64 [-1, 1, 28, 28] in the",
        ),
        (
            {"inputs": [{"name": "input", "dtype": "FP32", "dims": [1, "height", 28]}]},
            "model.inputs: input is FP32 [-1, 1, 28, 28] in the graph (-1: free), and FP32 [-1, 1, -1, 28] in the",
        ),
        (
            {"outputs": [{"name": "output", "dtype": "FP32", "dims": [9]}]},
            "model.outputs: output is FP32 [-1, 10] in the graph (-1: free), and FP32 [-1, 9] in the config",
        ),
    ],
)
def test_ready_graph_that_does_not_fit_the_config(script, exported, tmp_path, given, message):
    found = graph_as_given(script, exported / "model.onnx", MODEL | given)
    assert (found.returncode, "Traceback" in found.stderr) == (2, False)
    assert found.stderr.splitlines()[-1].startswith(f"export_given.py: error: {message}")
    assert not (tmp_path / "out.onnx").exists()


def graph_as_given(script, graph: Path, model: Mapping[str, Sequence]) -> subprocess.CompletedProcess[str]:
    shape = {"input": [2, *shapes.parse(PROFILE["opt"])["input"][1:]]}
    return script(
        "export_given.py", "--given", graph, "--onnx", "out.onnx", "--reference", "reference.npz",
        settings={"model": {key: model[key] for key in ("inputs", "outputs")}, "raw": None, "shapes": [shape]},
    )  # fmt: skip


def test_ready_graph_that_is_none(script, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    found = graph_as_given(script, tmp_path / "model.onnx", MODEL)
    assert (found.returncode, "Traceback" in found.stderr) == (2, False)
    assert "model.onnx is not a valid ONNX graph: " in found.stderr


# What belongs to the default model alone, and who may speak of it.
OWN = (
    "workflow/backends/native/",
    "workflow/scripts/models/__init__.py",
    "workflow/scripts/models/mnist",
    "workflow/scripts/models/idx.py",
    "config/",
    "tests/",
    "tools/",
    "docs/",
    "benchmarks/",
    "envs/",
)


def test_nothing_but_the_default_model_knows_of_digits():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    others = [name for name in listed if not name.startswith(OWN) and not name.endswith((".md", ".cff"))]
    # Digits of numbers, and an exit code of curl; digits of names stand beside letters.
    besides = ("workflow/scripts/analyse/formatting.py", "workflow/deploy/probe/probe.sh.j2")
    files = [name for name in others if name not in besides]
    assert "workflow/scripts/train.py" in files
    word = re.compile(r"mnist|\bdigits?\b|(?<![\w.#])28(?![\w.%])|x28", re.IGNORECASE)
    found = [
        f"{name}: {line.strip()}"
        for name in files
        for line in (ROOT / name).read_text(errors="replace").splitlines()
        if word.search(line) and "letter" not in line
    ]
    assert found == []
