"""make new: the configuration that is written for a model file, and what is refused."""

import json
from pathlib import Path

import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from commands import new_variants
from commands.new import look_at
from conftest import DEFAULT, merged
from program.cli import UserError

# Two integer inputs of different sizes, two outputs, in an order that is not example's.
MODEL = """
import numpy as np

DATASETS = {"own": ()}

def build():
    import torch

    class Two(torch.nn.Module):
        def forward(self, ids, weights):
            return weights.sum(1, keepdim=True), ids + 1

    return Two()

def example(shapes, generator):
    shapes = shapes or {"weights": [3, 5], "ids": [3, 4, 2]}
    return {
        "weights": generator.random(shapes["weights"], np.float32),
        "ids": generator.integers(0, 9, shapes["ids"]),
    }
"""


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "two.py"
    path.write_text(MODEL)
    return path


def refused(command, model_file: Path, *arguments: str) -> str:
    """The one line that is printed; nothing is written."""
    before = sorted(model_file.parent.iterdir())
    found = command("new", "--model", model_file, *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert sorted(model_file.parent.iterdir()) == before
    (line,) = found.stderr.splitlines()
    return line.removeprefix("new.py: error: ")


@pytest.mark.slow
def test_names_dtypes_and_dims_are_the_models(command, model_file):
    assert command("new", "--model", model_file).returncode == 0
    config = yaml.safe_load((model_file.parent / "two.yaml").read_text())
    assert config["run"] == config["model"]["name"] == "two"
    assert config["model"]["file"] == str(model_file)
    assert config["model"]["inputs"] == [
        {"name": "ids", "dtype": "INT64", "dims": [4, 2]},
        {"name": "weights", "dtype": "FP32", "dims": [5]},
    ]
    assert config["model"]["outputs"] == [
        {"name": "output_0", "dtype": "FP32", "dims": [1]},
        {"name": "output_1", "dtype": "INT64", "dims": [4, 2]},
    ]
    assert config["profile"] == {
        "min": "ids:1x4x2,weights:1x5",
        "opt": "ids:8x4x2,weights:8x5",
        "max": "ids:32x4x2,weights:32x5",
    }
    assert config["dataset"] == {"source": "own"}
    assert config["pytriton"]["inputs"] == ["ids", "weights"]
    assert config["pytriton"]["outputs"] == ["output_0", "output_1"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["null", "on"])
def test_what_is_written_can_be_planned(command, project, tmp_path, name):
    """As it is; also where names are words of YAML."""
    (tmp_path / f"{name}.py").write_text(MODEL.replace('DATASETS = {"own": ()}', ""))
    assert command("new", "--model", tmp_path / f"{name}.py").returncode == 0
    planned = project.planned("perf_report", configfiles=(tmp_path / f"{name}.yaml",))
    assert {"export/model.onnx", "repository/pytriton", "report/perf_report.html"} <= planned
    assert "perf/null/repeat-1/points.csv" in planned
    assert not any(path.startswith("dataset") for path in planned)


@pytest.mark.slow
def test_run_and_place_can_be_chosen(command, model_file, tmp_path):
    config = tmp_path / "configs" / "mine.yaml"
    assert command("new", "--model", model_file, "--run", "other", "--config", config).returncode == 0
    assert yaml.safe_load(config.read_text())["run"] == "other"


def test_what_exists_stays(command, model_file):
    config = model_file.with_suffix(".yaml")
    config.write_text("mine")
    line = refused(command, model_file)
    assert line == f"{config} exists. Hint: move it away, or choose another name: --run name"
    assert config.read_text() == "mine"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("def example", "def examples", "has no function example"),
        ("def build", "def builds", "has no function build"),
        ("return Two()", "return Too()", "build fails: NameError: name 'Too' is not defined"),
        ("import numpy", "import nunpy", "cannot be imported: ModuleNotFoundError: No module named 'nunpy'"),
        ("ids + 1", "ids.nonsense", "the module fails: AttributeError: 'Tensor' object has no attribute 'nonsense'"),
        ("shapes = shapes or", "shapes =", "example made {'weights': [3, 5], 'ids': [3, 4, 2]} where"),
    ],
)
def test_faults_of_a_model_file(model_file, old, new, fault):
    assert old in MODEL
    model_file.write_text(MODEL.replace(old, new, 1))
    with pytest.raises(UserError) as caught:
        look_at(model_file)
    assert str(caught.value).removeprefix("model file ").startswith(str(model_file))
    assert fault in str(caught.value)
    assert "Hint: " in str(caught.value)


def test_no_model_file(command, tmp_path):
    found = command("new", "--model", "")
    assert (found.returncode, found.stderr.strip()) == (
        2,
        "new.py: error: --model is empty. Hint: --help lists what it takes",
    )


def test_name_of_a_run(command, model_file):
    assert "1.5 is no name for a run" in refused(command, model_file, "--run", "1.5")


NAMED = helper.make_tensor_value_info("ids:0", TensorProto.INT64, ["n", "tokens"])
FIXED = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])


@pytest.mark.parametrize(
    ("given", "batching", "inputs", "profile"),
    [
        (NAMED, True, [{"name": "ids:0", "dtype": "INT64", "dims": ["tokens"]}], "ids:0:8x32"),
        (FIXED, False, [{"name": "image", "dtype": "FP32", "dims": [1, 3, 8, 8]}], "image:1x3x8x8"),
    ],
)
def test_graph_says_what_it_is(command, tmp_path, given, batching, inputs, profile):
    output = onnx.ValueInfoProto()
    output.CopyFrom(given)
    output.name = "387"
    graph = helper.make_graph([helper.make_node("Identity", [given.name], ["387"])], "same", [given], [output])
    opsets = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "same.onnx")
    found = command("new", "--model", tmp_path / "same.onnx")
    assert found.returncode == 0, found.stderr
    config = yaml.safe_load((tmp_path / "same.yaml").read_text())
    example = "" if inputs[0]["dtype"] == "FP32" else str(tmp_path / "same_example.py")
    assert (config["model"]["onnx"], config["model"]["file"]) == (str(tmp_path / "same.onnx"), example)
    assert (config["model"]["batching"], config["model"]["inputs"]) == (batching, inputs)
    assert config["model"]["outputs"] == [inputs[0] | {"name": "387"}]
    assert config["profile"]["opt"] == profile
    assert "pytriton" not in config["variants"]


@pytest.mark.slow
def test_module_whose_outputs_have_no_batch_axis_is_described_without_batches(command, model_file):
    """As one that keeps a state, or finds things: requests go one at a time."""
    model_file.write_text(MODEL.replace("weights.sum(1, keepdim=True)", "weights[weights > 0.5], weights.sum(0)"))
    found = command("new", "--model", model_file)
    assert found.returncode == 0, found.stderr
    assert "not served by null: null cannot know the size of the output's axis null" in found.stderr
    config = yaml.safe_load((model_file.parent / "two.yaml").read_text())
    assert [one["dims"] for one in config["model"]["inputs"]] == [[1, 4, 2], [1, 5]]
    assert [one["dims"] for one in config["model"]["outputs"]] == [[None], [5], [1, 4, 2]]
    assert (config["model"]["batching"], config["profile"]["max"]) == (False, "ids:1x4x2,weights:1x5")
    assert "null" not in config["variants"]


def test_what_is_neither_a_model_file_nor_a_graph(command, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"weights")
    assert "model.pt is neither a model file (.py) nor an ONNX graph (.onnx). Hint: write a model file" in refused(
        command, tmp_path / "model.pt"
    )


@pytest.mark.slow
def test_outputs_have_the_names_of_their_keys(command, model_file):
    changed = MODEL.replace("return weights.sum(1, keepdim=True), ids + 1", 'return {"sum": weights, "more": [ids]}')
    model_file.write_text(changed)
    assert command("new", "--model", model_file).returncode == 0
    config = yaml.safe_load((model_file.parent / "two.yaml").read_text())
    assert [one["name"] for one in config["model"]["outputs"]] == ["sum", "more_0"]


# What it computes depends on the values: traced code would compute the same of all.
EAGER = """
import numpy as np

def build():
    import torch

    class Steps(torch.nn.Module):
        def forward(self, x):
            return torch.stack([row * (int(row.abs().max().item()) + 1) for row in x])

    return Steps()

def example(shapes, generator):
    return {"x": generator.standard_normal((shapes or {"x": [3, 4]})["x"]).astype(np.float32)}
"""


@pytest.mark.slow
def test_module_that_only_pytorch_runs_is_served_by_it_alone_and_the_others_have_their_reasons(
    command, project, tmp_path
):
    (tmp_path / "eager.py").write_text(EAGER)
    found = command("new", "--model", tmp_path / "eager.py")
    assert (found.returncode, found.stdout) == (0, "")
    config = yaml.safe_load((tmp_path / "eager.yaml").read_text())
    assert config["variants"] == ["null", "pytriton"]
    reasons = config["not_served"]
    assert list(reasons) == ["onnx", "openvino", "aotinductor", "torchscript"]
    assert reasons["onnx"] == reasons["openvino"]
    assert reasons["onnx"].startswith("the module cannot be exported to ONNX: GuardOnDataDependentSymNode: ")
    assert reasons["aotinductor"].startswith("PyTorch cannot export the module for this profile: ")
    assert reasons["torchscript"].startswith("torchscript ")
    # A line for each, and PyTorch's pages in a file.
    reports = tmp_path / "eager_exports.log"
    assert found.stderr.splitlines()[1:-1] == [
        f"{reports} has what PyTorch says of the exports that fail",
        *(f"not served by {name}: {reason}" for name, reason in reasons.items()),
    ]
    assert "draft_export" in reports.read_text()
    overlays = (tmp_path / "eager.yaml",)
    assert not any("export/model" in path for path in project.planned("perf_report", configfiles=overlays))
    project.snakemake("--cores", "2", "artifacts/eager/health/pytriton.json", configfiles=overlays)
    assert json.loads((project.root / "artifacts/eager/health/pytriton.json").read_text())["healthy"]


@pytest.mark.slow
def test_exporter_that_crashes_or_does_not_end_costs_its_own_variant_alone(tmp_path, model_file):
    stuck = "if torch.compiler.is_exporting(): __import__('time').sleep(1000)"
    crash = "if torch.jit.is_tracing(): __import__('os').abort()"
    forward = "def forward(self, ids, weights):"
    model_file.write_text(MODEL.replace(forward, f"{forward}\n            {stuck}\n            {crash}"))
    ids, weights = {"dtype": "INT64", "dims": [4, 2]}, {"dtype": "FP32", "dims": [5]}
    tensors = {
        "inputs": [ids | {"name": "ids"}, weights | {"name": "weights"}],
        "outputs": [weights | {"name": "a", "dims": [1]}, ids | {"name": "b"}],
    }
    profile = dict.fromkeys(("min", "opt", "max"), "ids:8x4x2,weights:8x5")
    own = {"model": {"file": str(model_file), **tensors}, "dataset": {"source": None}, "profile": profile}
    text = yaml.safe_dump(merged(DEFAULT, own))
    assert new_variants.tried(text, ["aotinductor", "torchscript"], tmp_path, limit=2) == {
        "aotinductor": "PyTorch does not export the module within 2 s",
        "torchscript": "PyTorch ends with SIGABRT while it exports the module",
    }
