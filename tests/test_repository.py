"""Model repositories: a config.pbtxt that Triton's own message reads, and the files beside it."""

import json

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2

from conftest import MODEL, PROFILE, ROOT, SERVING
from serving import modelconfig
from settings import shapes

BACKENDS = ROOT / "workflow" / "backends"


def parsed(settings):
    """config.pbtxt of the settings, as Triton reads it."""
    profile = {bound: shapes.parse(text) for bound, text in settings["profile"].items()}
    model = settings["model"]
    config = modelconfig.python_model(settings["name"], model["inputs"], model["outputs"], profile, settings["serving"])
    return text_format.Parse(modelconfig.text(config), model_config_pb2.ModelConfig())


@pytest.fixture
def settings():
    serving = {"device": "cpu", "instances": 2, "threads": 3, "max_queue_delay_us": 250}
    return {"name": "mnist_openvino", "model": MODEL, "profile": PROFILE, "serving": serving}


def test_config_of_an_engine(settings):
    config = parsed(settings)
    assert (config.name, config.backend, config.max_batch_size) == ("mnist_openvino", "python", 16)
    assert [(one.name, one.data_type, list(one.dims)) for one in config.input] == [
        ("input", model_config_pb2.TYPE_FP32, [1, 28, 28])
    ]
    assert [(one.name, one.data_type, list(one.dims)) for one in config.output] == [
        ("output", model_config_pb2.TYPE_FP32, [10])
    ]
    assert list(config.dynamic_batching.preferred_batch_size) == [4]
    assert config.dynamic_batching.max_queue_delay_microseconds == 250
    (group,) = config.instance_group
    assert (group.count, group.kind) == (2, model_config_pb2.ModelInstanceGroup.KIND_CPU)
    assert config.parameters["threads"].string_value == "3"
    assert json.loads(config.parameters["profile"].string_value) == shapes.parse_profile(PROFILE)


def test_warm_up_at_both_ends_of_the_profile(settings):
    config = parsed(settings)
    assert [(one.name, one.batch_size) for one in config.model_warmup] == [("min", 1), ("max", 16)]
    for one in config.model_warmup:
        assert list(one.inputs) == ["input"]
        assert list(one.inputs["input"].dims) == [1, 28, 28]
        assert one.inputs["input"].zero_data


def test_only_engines_prefer_a_batch_size(settings):
    settings["profile"] = {bound: PROFILE[bound] for bound in ("min", "max")}
    config = parsed(settings)
    assert list(config.dynamic_batching.preferred_batch_size) == []
    # Without it requests are still batched.
    assert config.HasField("dynamic_batching")


DTYPES = st.sampled_from(["BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"])


@st.composite
def profiles(draw):
    """Inputs with free and fixed axes, and three bounds that agree with them."""
    names = draw(
        st.lists(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), min_size=1, max_size=3, unique=True)
    )
    batch = sorted(draw(st.lists(st.integers(1, 4096), min_size=3, max_size=3)))
    inputs, bounds = [], ({}, {}, {})
    for name in names:
        dims = []
        ranges = []
        for _ in range(draw(st.integers(1, 4))):
            sizes = sorted(draw(st.lists(st.integers(1, 512), min_size=3, max_size=3)))
            free = draw(st.booleans())
            dims.append(-1 if free else sizes[0])
            ranges.append(sizes if free else [sizes[0]] * 3)
        inputs.append({"name": name, "dtype": draw(DTYPES), "dims": dims})
        for index, bound in enumerate(bounds):
            bound[name] = [batch[index], *(axis[index] for axis in ranges)]
    return inputs, dict(zip(("min", "opt", "max"), bounds))


@given(profiles())
def test_any_profile_arrives_at_triton_as_given(drawn):
    inputs, bounds = drawn
    profile = {bound: shapes.format(given) for bound, given in bounds.items()}
    config = parsed(
        {"name": "any", "model": {"inputs": inputs, "outputs": inputs}, "profile": profile, "serving": SERVING}
    )
    assert config.max_batch_size == shapes.batch(bounds["max"])
    assert {one.name: list(one.dims) for one in config.input} == {one["name"]: one["dims"] for one in inputs}
    assert json.loads(config.parameters["profile"].string_value) == bounds
    for warmup in config.model_warmup:
        given_shapes = bounds[warmup.name]
        assert warmup.batch_size == shapes.batch(given_shapes)
        assert {name: list(one.dims) for name, one in warmup.inputs.items()} == {
            name: dims[1:] for name, dims in given_shapes.items()
        }


def test_directory(script, settings, tmp_path):
    (tmp_path / "model.blob").write_bytes(b"blob")
    (tmp_path / "served" / "old").mkdir(parents=True)
    found = script(
        "repository.py", "--model-py", BACKENDS / "model.py", "--runtime", BACKENDS / "runtime_openvino.py",
        "--artifact", tmp_path / "model.blob", "--repository", tmp_path / "served", settings=settings,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    served = tmp_path / "served"
    assert sorted(str(path.relative_to(served)) for path in served.rglob("*") if path.is_file()) == [
        "mnist_openvino/1/model.blob",
        "mnist_openvino/1/model.py",
        "mnist_openvino/1/runtime.py",
        "mnist_openvino/config.pbtxt",
    ]
    version = served / "mnist_openvino" / "1"
    assert (version / "model.py").read_bytes() == (BACKENDS / "model.py").read_bytes()
    assert (version / "runtime.py").read_bytes() == (BACKENDS / "runtime_openvino.py").read_bytes()
    assert (version / "model.blob").read_bytes() == b"blob"
    assert text_format.Parse(
        (served / "mnist_openvino" / "config.pbtxt").read_text(), model_config_pb2.ModelConfig()
    ) == parsed(settings)


def test_missing_artifact_leaves_no_repository(script, settings, tmp_path):
    found = script(
        "repository.py", "--model-py", BACKENDS / "model.py", "--runtime", BACKENDS / "runtime_null.py",
        "--artifact", tmp_path / "absent.blob", "--repository", tmp_path / "served", settings=settings,
    )  # fmt: skip
    assert found.returncode != 0
    assert list(tmp_path.iterdir()) == []
