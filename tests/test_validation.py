"""Every mistake in a configuration is one line that names the key and says what to do."""

import copy
import re

import pytest
import yaml

from conftest import CONFIGS, DEFAULT, OVERLAYS, ROOT, merged
from plan.validation import validate
from program.cli import UserError


def without(*path: str) -> dict:
    """The default configuration less one key."""
    result = copy.deepcopy(DEFAULT)
    inner = result
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return result


def error_of(config: dict) -> str:
    with pytest.raises(UserError) as caught:
        validate(config, ROOT)
    return str(caught.value)


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_configurations_of_the_project_are_valid(path):
    validate(merged(DEFAULT, yaml.safe_load(path.read_text())), ROOT)


def shape(batch: int) -> str:
    return f"input:{batch}x1x28x28"


TEXT = yaml.safe_load((CONFIGS / "text.yaml").read_text())
WAVE = yaml.safe_load((CONFIGS / "wave.yaml").read_text())


def text(**overlay: object) -> dict:
    """An overlay over the text model, whose inputs `ids` and `mask` share an axis."""
    return merged(TEXT, overlay)


def wave(**overlay: object) -> dict:
    """An overlay over the model whose output has four times the frames of its input."""
    return merged(WAVE, overlay)


def graph(**overlay: object) -> dict:
    """An overlay with a graph, any file that is there, in the place of a model file."""
    config = wave(**overlay)
    config["model"] |= {"file": "", "onnx": "CITATION.cff", "arguments": {}}
    return config


INPUT = DEFAULT["model"]["inputs"][0]


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"swep": {}}, "config: swep: unknown key. Hint: did you mean sweep?"),
        ({"train": {"epoch": 3}}, "config: train.epoch: unknown key. Hint: did you mean epochs?"),
        (
            {"serving": {"zzz": 1}},
            "config: serving.zzz: unknown key. Hint: known keys here: device, instances, threads, max_queue_delay_us",
        ),
        ({"engine": {"tensorrtx": {}}}, "config: engine.tensorrtx: unknown key. Hint: did you mean tensorrt?"),
        ({"train": {"epochs": "3"}}, "config: train.epochs: '3' is not of type 'integer'."),
        ({"train": {"epochs": 2.5}}, "config: train.epochs: 2.5 is not of type 'integer'."),
        ({"train": {"epochs": True}}, "config: train.epochs: True is not of type 'integer'."),
        ({"train": {"epochs": 0}}, "config: train.epochs: 0 is less than the minimum of 1."),
        ({"train": {"min_accuracy": 97}}, "config: train.min_accuracy: 97 is greater than the maximum of 1."),
        ({"train": "quick"}, "config: train: 'quick' is not of type 'object'."),
        ({"train": None}, "config: train: None is not of type 'object'."),
        ({"run": "../elsewhere"}, "config: run: '../elsewhere' does not match"),
        ({"run": "a b"}, "config: run: 'a b' does not match"),
        ({"dataset": {"test_size": 1005}}, "config: dataset.test_size: 1005 is not a multiple of 10."),
        ({"dataset": {"mirrors": []}}, "config: dataset.mirrors: [] should be non-empty."),
        ({"server": "docker"}, "config: server: 'docker' is not one of ['bundled', 'native']."),
        (
            {"variants": ["tensorrt"], "serving": {"device": "cuda"}},
            "config: server: bundled cannot serve tensorrt. Hint: set server to native, or leave it out of variants",
        ),
        (
            {"variants": ["bls"], "serving": {"device": "cuda", "inner": "tensorrt"}},
            "config: server: bundled cannot serve bls. Hint: set server to native, or leave it out of variants",
        ),
        (
            {"server": "native", "variants": ["tensorrt"]},
            "config: serving.device: tensorrt cannot run on cpu, only on cuda. Hint: leave it out of variants",
        ),
        (
            {
                "server": "native",
                "variants": ["pytriton_engine"],
                "serving": {"device": "cuda", "inner": "tensorrt"},
            },
            "config: variants: pytriton_engine cannot run tensorrt from Python. Hint: choose another serving.inner",
        ),
        (
            {"variants": ["onnx"], "serving": {"device": "cuda"}},
            "config: serving.device: onnx needs the package onnxruntime-gpu on cuda. Hint: install onnxruntime-gpu",
        ),
        ({"variants": ["onnx", "tensorflow"]}, "config: variants.1: 'tensorflow' is not one of"),
        (
            {"variants": ["onnx", None]},
            'config: variants.1: null without quotes is no word in YAML. Hint: write "null" with its quotes',
        ),
        ({"variants": []}, "config: variants: [] should be non-empty."),
        ({"variants": ["onnx", "onnx"]}, "config: variants: ['onnx', 'onnx'] has non-unique elements."),
        ({"model": {"file": "models/absent.py"}}, "config: model.file: models/absent.py does not exist."),
        ({"model": {"file": "workflow"}}, "config: model.file: workflow does not exist."),
        ({"profile": {"min": "input:1x1x28x"}}, "config: profile.min: 'input:1x1x28x' does not match"),
        ({"profile": {"min": 1}}, "config: profile.min: 1 is not of type 'string'."),
        (
            {"profile": {"min": f"{shape(1)},{shape(1)}"}},
            "config: profile.min: input input is given twice. Hint: write spec:8x80x140",
        ),
        (
            {"profile": {"min": shape(65)}},
            "config: profile: axis 0 of input has min 65, opt 64, max 128. Hint: 1 ≤ min ≤ opt ≤ max",
        ),
        ({"profile": {"opt": shape(129)}}, "config: profile: axis 0 of input has min 1, opt 129, max 128."),
        ({"profile": {"min": shape(0)}}, "config: profile: axis 0 of input has min 0, opt 64, max 128."),
        (
            {"profile": {"max": "image:128x1x28x28"}},
            "config: profile.max: has the inputs image, the model input. Hint: name every input of model.inputs once",
        ),
        (
            {"profile": {"min": "input:1x1x28x27"}},
            "config: profile.min: input is 1x1x28x27. Hint: model.inputs says Bx1x28x28",
        ),
        ({"profile": {"max": "input:128x28x28"}}, "config: profile.max: input is 128x28x28."),
        (
            text(profile={"min": "ids:1x2"}),
            "config: profile.min: has the inputs ids, the model ids, mask.",
        ),
        (
            text(profile={"min": "ids:1x2,mask:2x2"}),
            "config: profile.min: the inputs differ in their batch axis. Hint: the first axis of all is the batch",
        ),
        (
            text(profile={"min": "ids:1x2,mask:1x3"}),
            "config: profile.min: the axis tokens is 2 and 3. Hint: axes of the same name in model",
        ),
        (
            text(profile={"min": "ids:1x9,mask:1x9"}),
            "config: profile: axis 1 of ids has min 9, opt 6, max 20.",
        ),
        (
            text(model={"file": "workflow/scripts/program/cli.py"}),
            "config: model.file: workflow/scripts/program/cli.py has no function build. Hint: workflow/scripts/models/",
        ),
        (text(model={"file": ""}), "config: model.onnx: empty, and so is model.file. Hint: give one of them"),
        (text(model={"onnx": "model.onnx"}), "config: model.onnx: set as well as model.file. Hint: give one of them"),
        (text(model={"file": "", "onnx": "absent.onnx"}), "config: model.onnx: absent.onnx does not exist."),
        (
            wave(model={"file": "", "onnx": "CITATION.cff"}),
            "config: model.arguments: set, but model.onnx is complete. Hint: it belongs to a model.file",
        ),
        (
            text(model={"file": "", "onnx": "CITATION.cff"}, variants=["onnx"]),
            "config: model.inputs: ids is INT64, and only floating-point inputs can be made up. Hint: write a function",
        ),
        *(
            (
                graph(variants=[variant], serving={"inner": "torchscript"}),
                f"config: variants: {variant} needs PyTorch code, and model.onnx is none. Hint: leave it out, or",
            )
            for variant in ("torchscript", "aotinductor", "pytriton", "pytriton_engine")
        ),
        (
            graph(engines=["aotinductor"], variants=["onnx"]),
            "config: engines: aotinductor needs PyTorch code, and model.onnx is none.",
        ),
        (text(model={"weights": "absent.pt"}), "config: model.weights: absent.pt does not exist."),
        (
            {"model": {"weights": "CITATION.cff"}},
            "config: model.weights: workflow/scripts/models/mnist.py trains its own. Hint: remove train from it, or",
        ),
        ({"model": {"arguments": [3]}}, "config: model.arguments: [3] is not of type 'object'."),
        (
            {"model": {"inputs": [INPUT, INPUT]}},
            "config: model.inputs: input is given twice. Hint: every tensor has a name of its own",
        ),
        ({"model": {"inputs": []}}, "config: model.inputs: [] should be non-empty."),
        ({"model": {"inputs": {"input": INPUT}}}, "config: model.inputs: {'input': "),
        ({"model": {"inputs": [{**INPUT, "dims": [1, -1, 28]}]}}, "config: model.inputs.0.dims.1: -1 is less than the"),
        ({"model": {"inputs": [{**INPUT, "dims": [1, "a b"]}]}}, "config: model.inputs.0.dims.1: 'a b' does not match"),
        (
            {"model": {"inputs": [{**INPUT, "dims": [1, "2*rows", 28]}]}},
            "config: model.inputs: 2*rows is a multiple. Hint: an axis of an input has a name alone",
        ),
        (
            {"model": {"inputs": [{**INPUT, "dims": ["batch", 28, 28]}]}},
            "config: model.inputs: batch is an axis of the dims. Hint: dims leave out the batch axis",
        ),
        (
            {"dataset": {"source": "imagenet"}},
            "config: dataset.source: 'imagenet' is none of the model file's data sets. Hint: one of embedded, mnist",
        ),
        (
            {"model": {"raw": None}},
            "config: variants: bls takes raw samples, and model.raw is null. Hint: leave it out of variants",
        ),
        (
            {"dataset": {"source": None}, "variants": ["ensemble"]},
            "config: variants: ensemble takes raw samples, and dataset.source is null.",
        ),
        (
            wave(model={"outputs": [{"name": "wave", "dtype": "FP32", "dims": [1, "samples"]}]}),
            "config: variants: null cannot know the size of the output's axis samples. Hint: write it as a multiple of",
        ),
        (
            text(pytriton={"inputs": ["ids"]}),
            "config: pytriton.inputs: has 1 names, model.inputs 2. Hint: one name for each, in order",
        ),
        (wave(profile={"opt": "spec:4x6"}), "config: profile.opt: spec is 4x6. Hint: model.inputs says Bx6xframes"),
        (
            wave(profile={"opt": "spec:4x5x12"}),
            "config: profile.opt: spec is 4x5x12. Hint: model.inputs says Bx6xframes",
        ),
        (
            {"sweep": {"batch_sizes": [1, 129]}},
            "config: sweep.batch_sizes: 129 is outside the profile, 1 to 128. Hint: widen profile.min or profile.max",
        ),
        ({"profile": {"min": shape(2)}}, "config: sweep.batch_sizes: 1 is outside the profile, 2 to 128."),
        (
            {"healthcheck": {"samples": 127}},
            "config: healthcheck.samples: 127 is less than the largest batch, 128. "
            "Hint: raise it, or lower profile.max",
        ),
        ({"healthcheck": {"samples": "some"}}, "config: healthcheck.samples: 'some' is not valid under any of"),
        ({"healthcheck": {"samples": 0}}, "config: healthcheck.samples: 0 is less than the minimum of 1."),
        ({"dataset": {"test_size": 120}}, "config: dataset.test_size: 120 is less than the largest batch, 128."),
        ({"serving": {"threads": "many"}}, "config: serving.threads: 'many' is not valid under any of"),
        (
            {"serving": {"device": "cuda"}},
            "config: serving.device: openvino cannot run on cuda, only on cpu. Hint: leave it out of variants, or",
        ),
        (
            {"serving": {"device": "cuda"}, "variants": ["pytriton", "null", "bls"]},
            "config: serving.device: bls cannot run on cuda, only on cpu.",
        ),
        ({"serving": {"device": "gpu"}}, "config: serving.device: 'gpu' is not one of ['cpu', 'cuda']."),
        (
            {"sweep": {"slo_ms": 5000}},
            "config: sweep.slo_ms: 5000 ms is not within the three windows of a point, 2400 ms.",
        ),
        ({"compare": {"base": "nowhere.json"}}, "config: compare.base: nowhere.json does not exist."),
        (
            {"tune": {"remote": {"grpc": "http://gpu:8001"}}},
            "config: tune.remote.grpc: 'http://gpu:8001' does not match '^[^",
        ),
        ({"sweep": {"protocols": ["grpc", "rest"]}}, "config: sweep.protocols.1: 'rest' is not one of"),
        ({"sweep": {"stability_percent": 0}}, "config: sweep.stability_percent: 0 is less than or equal to"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value)[:50],
)
def test_mistake_is_named(overlay, message):
    found = error_of(merged(DEFAULT, overlay))
    assert found.startswith(message)
    assert "\n" not in found
    assert " Hint: " in found


@pytest.mark.parametrize(
    ("path", "key"), [(("sweep",), "sweep"), (("engine", "openvino", "precision"), "engine.openvino.precision")]
)
def test_missing_key_is_named(path, key):
    assert error_of(without(*path)) == (
        f"config: {key}: missing. Hint: config/config.yaml has every key; overlays change some"
    )


def test_absolute_model_file_is_accepted(tmp_path):
    (tmp_path / "mine.py").write_text((ROOT / DEFAULT["model"]["file"]).read_text())
    validate(merged(DEFAULT, {"model": {"file": str(tmp_path / "mine.py")}}), ROOT)


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("sweep: {repeat: 1}", "config: sweep.repeat: unknown key. Hint: did you mean repeats?"),
        ("variants: [onnx, null]", 'config: variants.1: null without quotes is no word in YAML. Hint: write "null"'),
        ("profile: {opt: input:256x1x28x28}", "config: profile: axis 0 of input has min 1, opt 256, max 128. Hint: "),
    ],
)
def test_snakemake_shows_one_line_and_writes_nothing(project, tmp_path, overlay, message):
    path = tmp_path / "mistake.yaml"
    path.write_text(f"run: mistake\n{overlay}\n")
    found = project.snakemake("-n", "sweeps", configfiles=(path,), check=False)
    assert found.returncode == 1
    ours = [
        line for line in found.stderr.splitlines() if not re.match(r"Using .* profile|Config file .* extended", line)
    ]
    assert len(ours) == 1
    assert ours[0].startswith(message)
    assert not (project.root / "artifacts" / "mistake").exists()


def test_value_of_the_wrong_kind_from_the_command_line(project):
    found = project.snakemake("-n", "sweeps", "--config", "sweep={repeats: 2}", check=False)
    assert found.returncode == 1
    assert "config: sweep.repeats: '2' is not of type 'integer'. Hint: " in found.stderr
    assert "Traceback" not in found.stderr


def test_model_file_that_is_no_python(tmp_path):
    (tmp_path / "mine.py").write_text("\ndef build(:\n")
    message = error_of(merged(DEFAULT, {"model": {"file": str(tmp_path / "mine.py")}}))
    assert message == (
        f"config: model.file: {tmp_path}/mine.py is not Python: invalid syntax, line 2. Hint: python -m py_compile"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["spec:6x41"], "axis 1 of spec is 41 in spec:6x41, outside the profile, 4 to 40. Hint: widen profile.min"),
        (["spec:1x6x12"], "spec is 1x6x12. Hint: model.inputs says 6xframes"),
        (["spec:7x12"], "spec is 7x12. Hint: model.inputs says 6xframes"),
        (["sound:6x12"], "has the inputs sound, the model spec. Hint: name every input of model.inputs once"),
        (["spec:6x12", "spec:6x12"], "['spec:6x12', 'spec:6x12'] has non-unique elements"),
    ],
)
def test_shapes_to_measure_with_lie_within_the_profile(given, message):
    config = merged(DEFAULT, wave(sweep={"shapes": given}))
    assert error_of(config).startswith(f"config: sweep.shapes: {message}")


def test_shapes_of_several_inputs_agree_in_an_axis_of_one_name():
    config = merged(DEFAULT, text(sweep={"shapes": ["ids:6,mask:7"]}))
    assert error_of(config).startswith("config: sweep.shapes: the axis tokens is 6 and 7.")


def test_raw_samples_have_no_shapes_to_choose_from():
    config = merged(DEFAULT, {"sweep": {"shapes": ["input:1x28x28"]}})
    assert error_of(config).startswith("config: sweep.shapes: bls takes raw samples, whose sizes do not follow")
