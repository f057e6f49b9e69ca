"""Engines: what TensorRT says of them, trtexec's command lines for 10.x and 11.x, and a real TensorRT-RTX engine.

tests/data/tensorrt: builder_log.txt was recorded from TensorRT-RTX 1.7.1 without a GPU; the two layers_*.json are
written by hand after the formats of TensorRT's documentation and sources; the flag tables name their sources.
"""

import itertools
import json
import os
import re
import shutil
from typing import get_args

import jsonschema
import pytest
import tensorrt_rtx_bindings

from conftest import DEFAULT, PROFILE, ROOT
from engine_tensorrt import TRTEXEC_ONLY, Job, with_package
from engines import layers, trtexec
from engines.layers import Layer
from engines.options import TensorRtOptions
from low_precision import command as modelopt_command
from plan import requirements
from plan.config.engine import Precision, Target
from plan.settings.engine import TensorRt
from program.cli import UserError
from program.files import sha256
from show import tabular as section

DATA = ROOT / "tests" / "data" / "tensorrt"
SCHEMA = json.loads((ROOT / "workflow" / "schemas" / "engine.schema.json").read_text())
SETTINGS = DEFAULT["engine"]["tensorrt"]
OPTIONS = TensorRtOptions(**SETTINGS)


def options(changes):
    """Options of a TensorRT engine, as the default configuration has them but for some."""
    return TensorRtOptions(**SETTINGS | changes)


OPTIONS = options({})


def bounds(*batches):
    return {bound: {"input": [batch, 1, 28, 28]} for bound, batch in zip(("min", "opt", "max"), batches)}


def recorded(name):
    return json.loads((DATA / name).read_text())


# What TensorRT says


def test_layers_of_tensorrt_10():
    found = layers.from_json(recorded("layers_10.json"))
    assert [(layer.kind, layer.precision) for layer in found.layers] == [
        ("Reformat", "fp16"), ("CaskConvolution", "fp16"), ("gemm", "fp32"), ("shape_call", ""),
    ]  # fmt: skip
    assert found.profiles == []


def test_layers_and_profiles_of_tensorrt_11():
    found = layers.from_json(recorded("layers_11.json"))
    assert [layer.precision for layer in found.layers] == ["fp16"] * 3
    assert found.profiles == [bounds(1, 64, 128), bounds(1, 4, 8)]


def test_layers_by_name_alone_tell_no_precision():
    found = layers.from_json({"Layers": ["conv + relu", "fc"], "Bindings": ["input"]})
    assert layers.obtained(found.layers, tf32=False) == "unknown"


def test_description_in_the_log_of_the_builder():
    found = layers.from_text((DATA / "builder_log.txt").read_text())
    assert found.profiles == [bounds(1, 64, 128)]
    assert len(found.layers) == 11
    assert found.layers[0] == Layer("__mye611_0_myl0_0", "shape_call", "")
    assert found.layers[2] == Layer("node_conv2d_myl0_2", "correlation", "fp32")


@pytest.mark.parametrize(
    ("precisions", "tf32", "obtained"),
    [
        (["fp16", "fp16", ""], False, "fp16"),
        (["fp32", "int8", "int8"], False, "int8 and fp32"),
        (["fp32"], True, "tf32"),
        (["fp32"], False, "fp32"),
        ([""], True, "unknown"),
    ],
)
def test_obtained_precision(precisions, tf32, obtained):
    assert layers.obtained([Layer("", "", precision) for precision in precisions], tf32) == obtained


def test_shares_of_the_time():
    measured = [{"count": 100}, {"name": "a", "timeMs": 1.0, "percentage": 20.0}, {"name": "b", "percentage": 80.0}]
    found = layers.with_shares([Layer("a", "", ""), Layer("b", "", ""), Layer("c", "", "")], measured)
    assert [layer.share for layer in found] == [0.2, 0.8, None]


# trtexec


def table(release):
    text = (DATA / f"trtexec_flags_{release}.txt").read_text()
    return {line for line in text.splitlines() if not line.startswith("#")}


def flags(command):
    return [argument.partition("=")[0] for argument in command[1:]]


VARIATIONS = [
    dict(zip(("precision", "workspace_mib", "version_compatible", "hardware_compatibility"), values))
    for values in itertools.product(
        get_args(Precision),
        (0, 2048),
        (False, True),
        ("none", "ampere+", "sameComputeCapability"),
    )
]


@pytest.mark.parametrize("release", [10, 11])
def test_every_flag_is_one_of_the_release(release, tmp_path):
    commands = [
        trtexec.build(
            "trtexec", release, tmp_path, tmp_path, [PROFILE] * count, TensorRtOptions(**SETTINGS | varied), tmp_path
        )
        for count in (1, 2)
        for varied in VARIATIONS
    ]
    commands.append(trtexec.measure("trtexec", release, tmp_path, PROFILE["opt"], tmp_path))
    used = {flag for command in commands for flag in flags(command)}
    assert used - table(release) == set()
    assert used >= {"--memPoolSize", "--noTF32", "--versionCompatible", "--exportLayerInfo", "--useProfile"}


def test_releases_differ_in_what_the_other_does_not_have():
    built, measured = (
        [set(flags(function(release))) for release in (10, 11)]
        for function in (
            lambda release: trtexec.build("trtexec", release, DATA, DATA, [PROFILE], OPTIONS, DATA),
            lambda release: trtexec.measure("trtexec", release, DATA, PROFILE["opt"], DATA),
        )
    )
    assert built[0] ^ built[1] == {"--stronglyTyped"}
    assert measured[0] - measured[1] == {"--separateProfileRun"}
    # What 11 leaves out of a measurement unless told, 10 always has in it.
    assert measured[1] - measured[0] == {"--includeDataTransfers", "--noSpinWait", "--noCudaGraph"}


def test_profiles_in_order():
    command = trtexec.build("trtexec", 11, "m", "p", [PROFILE, PROFILE | {"max": "input:8x1x28x28"}], OPTIONS, "c")
    start = command.index("--profile=0")
    assert command[start : start + 8] == [
        "--profile=0", "--minShapes=input:1x1x28x28", "--optShapes=input:4x1x28x28", "--maxShapes=input:16x1x28x28",
        "--profile=1", "--minShapes=input:1x1x28x28", "--optShapes=input:4x1x28x28", "--maxShapes=input:8x1x28x28",
    ]  # fmt: skip


@pytest.mark.parametrize(("precision", "forbidden"), [("fp32", True), ("tf32", False), ("fp16", True)])
def test_tf32_is_allowed_when_asked_for(precision, forbidden):
    command = trtexec.build(
        "trtexec", 11, "m", "p", [PROFILE], TensorRtOptions(**SETTINGS | {"precision": precision}), "c"
    )
    assert ("--noTF32" in command) == forbidden


def test_release_and_version():
    assert (trtexec.major("  --fp16\n"), trtexec.major("  --includeDataTransfers   …")) == (10, 11)
    assert trtexec.version("&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9] # trtexec") == "10.13.3"
    assert trtexec.version("&&&& RUNNING TensorRT.trtexec [TensorRT v110400]") == "11.4.0"
    assert trtexec.version("") == "unknown"


TRTEXEC_10 = """#!/bin/sh
# Stands for trtexec 10: answers --help, writes the files that it is told to, fails on an unknown flag.
for argument in "$@"; do
  flag="${argument%%=*}"
  case "$flag" in --help) echo "  --fp16"; exit 0;; esac
  grep -qx -- "$flag" FLAGS || { echo "[01/01/2026-00:00:00] [E] Unknown option: $argument"; exit 1; }
  case "$flag" in
    --saveEngine) echo plan > "${argument#*=}";;
    --exportLayerInfo) cp LAYERS "${argument#*=}";;
    --exportProfile) echo '[{"count": 9}, {"name": "node_linear", "percentage": 75.0}]' > "${argument#*=}";;
    --exportTimes) echo '[]' > "${argument#*=}";;
  esac
done
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9]"
MIN="1x1x28x28 OPT=4x1x28x28 MAX=16x1x28x28"
echo "[01/01/2026-00:00:00] [I] Set shape of input tensor input for optimization profile 0 to: MIN=$MIN"
"""


@pytest.fixture
def gpu_machine(tmp_path, monkeypatch):
    """Programs in PATH that stand for a GPU's nvidia-smi and for trtexec 10."""
    text = TRTEXEC_10.replace("FLAGS", str(DATA / "trtexec_flags_10.txt")).replace(
        "LAYERS", str(DATA / "layers_10.json")
    )
    programs = {"nvidia-smi": "#!/bin/sh\necho 'NVIDIA A100, 8.0, 40536, 580.1'\n", "trtexec": text}
    for name, content in programs.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(content)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "bin"


def build_plan(script, tmp_path, precision="fp16"):
    (tmp_path / "model.onnx").write_text("graph")
    return script(
        "engine_tensorrt.py", "--onnx", "model.onnx", "--timing-cache", "cache/timing", "--engine", "model.plan",
        "--record", "engine.json", settings={"profiles": [PROFILE], "engine": SETTINGS | {"precision": precision}},
    )  # fmt: skip


def test_engine_through_trtexec(script, tmp_path, gpu_machine):
    found = build_plan(script, tmp_path)
    assert found.returncode == 0, found.stderr
    record = json.loads((tmp_path / "engine.json").read_text())
    jsonschema.validate(record, SCHEMA)
    assert record["profiles"] == [bounds(1, 4, 16)]
    # A layer that stayed in fp32 is no secret.
    assert record["precision"] == {"requested": "fp16", "obtained": "fp16 and fp32"}
    assert (record["target"], record["compute_capabilities"]) == ("NVIDIA A100", ["8.0"])
    assert record["versions"] == {"tensorrt": "10.13.3"}
    assert record["command"][0] == str(gpu_machine / "trtexec")
    (shown,) = section.engines({"engines": [record], "system": {"gpus": []}})["engines"]
    assert shown["layers"][0]["name"] == "node_linear"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimization_level", 5),
        ("workspace_mib", 64),
        ("version_compatible", True),
        ("hardware_compatibility", "ampere+"),
    ],
)
def test_package_refuses_what_only_trtexec_does(tmp_path, key, value):
    options = TensorRtOptions(**DEFAULT["engine"]["tensorrt"] | {key: value})
    job = Job(TensorRt([PROFILE], options), *[tmp_path] * 4)
    with pytest.raises(UserError, match=rf"engine\.tensorrt\.{key} needs trtexec"):
        with_package(job, tmp_path / "model.plan")


def test_package_builds_with_the_defaults():
    assert DEFAULT["engine"]["tensorrt"].items() >= TRTEXEC_ONLY.items()


def test_failing_trtexec_is_one_line_and_leaves_nothing(script, tmp_path, gpu_machine):
    program = gpu_machine / "trtexec"
    program.write_text(program.read_text().replace("--fp16", "--includeDataTransfers"))  # as if it were 11
    found = build_plan(script, tmp_path)
    assert found.returncode == 2
    assert "Unknown option: --includeDataTransfers. Hint: see the rule's log" in found.stderr
    assert not (tmp_path / "engine.json").exists()
    assert not (tmp_path / "model.plan").exists()


# TensorRT-RTX, for real


RTX = {"profiles": [PROFILE], "precision": "fp32", "targets": ["sm_86", "sm_120"]}


def build_rtx(script, onnx, **changed):
    return script(
        "engine_tensorrt_rtx.py", "--onnx", onnx, "--engine", "model.engine", "--record", "engine.json",
        settings=RTX | changed,
    )  # fmt: skip


def test_rtx_engine_says_its_profiles_and_layers(script, exported, tmp_path):
    found = build_rtx(script, exported / "model.onnx", profiles=[PROFILE, PROFILE | {"max": "input:4x1x28x28"}])
    assert found.returncode == 0, found.stderr
    record = json.loads((tmp_path / "engine.json").read_text())
    jsonschema.validate(record, SCHEMA)
    assert record["profiles"] == [bounds(1, 4, 16), bounds(1, 4, 4)]
    assert record["precision"] == {"requested": "fp32", "obtained": "fp32"}
    assert record["compute_capabilities"] == ["8.6", "12.0"]
    assert any("conv" in layer["name"] for layer in record["layers"])


def test_rtx_engines_are_the_same_every_time_and_differ_by_target(script, exported, tmp_path):
    sums = []
    for targets in (["sm_86"], ["sm_86"], ["sm_89"]):
        assert build_rtx(script, exported / "model.onnx", targets=targets).returncode == 0
        sums.append(sha256(tmp_path / "model.engine"))
    assert sums[0] == sums[1] != sums[2]


def test_rtx_allows_tf32_when_asked_for(script, exported, tmp_path):
    assert build_rtx(script, exported / "model.onnx", precision="tf32").returncode == 0
    assert json.loads((tmp_path / "engine.json").read_text())["precision"]["obtained"] == "tf32"


def test_rtx_refuses_what_is_no_graph(script, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    found = build_rtx(script, tmp_path / "broken.onnx")
    assert found.returncode == 2
    assert "TensorRT cannot read" in found.stderr and "Traceback" not in found.stderr
    assert not (tmp_path / "engine.json").exists()


def test_targets_of_the_config_are_those_of_the_library():
    known = {name for name in tensorrt_rtx_bindings.ComputeCapability.__members__ if name.startswith("SM")}
    assert {name.upper().replace("_", "") for name in get_args(Target)} == known


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "obtained"), [("fp16", r"fp16"), ("int8", r"(int8|fp32) and (int8|fp32)")])
def test_modelopt_puts_the_precision_into_the_graph(script, exported, dataset_files, tmp_path, precision, obtained):
    """With ModelOpt itself: the engine built from its graph computes in what was asked for."""
    found = script(
        "low_precision.py", "--modelopt", ROOT / DEFAULT["engine"]["modelopt"], "--source", exported / "model.onnx",
        "--dataset", dataset_files / "train.npz", "--model-file", ROOT / DEFAULT["model"]["file"],
        "--onnx", "lower.onnx", settings={"precision": precision},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert build_rtx(script, tmp_path / "lower.onnx", precision=precision).returncode == 0
    record = json.loads((tmp_path / "engine.json").read_text())
    assert re.fullmatch(obtained, record["precision"]["obtained"])


def test_modelopt_that_is_missing(script, exported, dataset_files, tmp_path):
    found = script(
        "low_precision.py", "--modelopt", tmp_path / "absent", "--source", exported / "model.onnx",
        "--dataset", dataset_files / "train.npz", "--model-file", ROOT / DEFAULT["model"]["file"],
        "--onnx", "lower.onnx", settings={"precision": "fp16"},
    )  # fmt: skip
    assert found.returncode == 2
    assert f"{tmp_path}/absent does not exist. Hint: make modelopt installs it" in found.stderr
    assert not (tmp_path / "lower.onnx").exists()


def test_modelopt_works_on_cpu():
    for precision, provider in (("fp16", "--providers=cpu"), ("int8", "--calibration_eps=cpu")):
        assert provider in modelopt_command("python", precision, "m", "o", "s")


# Before the first job, and in the report


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("engine_aotinductor", "engine_aotinductor: needs a C++ compiler, and g++ is not in PATH. Hint: Debian:"),
        ("engine_tensorrt", "engine_tensorrt: neither trtexec nor the Python package tensorrt is here. Hint: install"),
        ("tune_search", "tune_search: no/model-analyzer, which is Model Analyzer, is missing. Hint: make tune"),
        ("low_precision", "low_precision: no/python, which runs ModelOpt, is missing. Hint: make modelopt"),
    ],
)
def test_missing_programs(monkeypatch, tmp_path, job, message):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError) as caught:
        requirements.require_programs([job], "no/python", "no/model-analyzer")
    assert str(caught.value).startswith(message)
    requirements.require_programs(["train", "sweep"], "no/python", "no/model-analyzer")


def test_programs_that_are_there(gpu_machine, monkeypatch):
    monkeypatch.setenv("CXX", "trtexec")
    jobs = ["engine_aotinductor", "engine_tensorrt", "low_precision", "tune_search"]
    requirements.require_programs(jobs, shutil.which("sh"), shutil.which("sh"))


@pytest.mark.parametrize(
    ("wanted", "gpus", "reason"),
    [
        ([], [], ""),
        (["8.6"], [], "this machine has no NVIDIA GPU"),
        (["8.6", "9.0"], ["9.0"], ""),
        (["8.6", "12.0"], ["9.0"], "built for compute capability 8.6 and 12.0; this machine has 9.0"),
    ],
)
def test_where_an_engine_runs(wanted, gpus, reason):
    found = [{"compute_capability": capability} for capability in gpus]
    assert section.not_runnable({"compute_capabilities": wanted}, found) == reason
