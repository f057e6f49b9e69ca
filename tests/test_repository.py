"""Model repositories: a config.pbtxt that Triton's own message reads, and the files beside it."""

import json

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2

from conftest import DEFAULT, MODEL, PROFILE, ROOT, SERVING
from model import shapes
from plan.settings.repository import Repository
from program.cli import UserError
from program.files import sha256_of
from program.typed import rebuilt
from repository_native import check_profiles
from serve import modelconfig
from serve.variants import ENCODED, NAMED, VARIANTS, kind_of, model_of

BACKENDS = ROOT / "workflow" / "backends"


def parsed(settings):
    """config.pbtxt of the settings, as Triton reads it."""
    given = rebuilt(Repository, settings)
    profile = {bound: shapes.parse(text) for bound, text in given.profile.items()}
    config = modelconfig.engine_model(given.name, given.model, profile, given.serving)
    return text_format.Parse(modelconfig.text(config), model_config_pb2.ModelConfig())


@pytest.fixture
def settings():
    serving = {"device": "cpu", "instances": 2, "threads": 3, "max_queue_delay_us": 250, "preferred_batch_size": 4}
    return {"name": "mnist_openvino", "backend": None, "model": MODEL, "profile": PROFILE, "serving": serving}


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


def test_without_a_preferred_batch_size_whatever_waits_is_batched(settings):
    settings["serving"]["preferred_batch_size"] = None
    config = parsed(settings)
    assert list(config.dynamic_batching.preferred_batch_size) == []
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
        {
            "name": "any",
            "backend": None,
            "model": {"inputs": inputs, "outputs": inputs},
            "profile": profile,
            "serving": SERVING,
        }
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
        "--artifact", tmp_path / "model.blob", "--repository", tmp_path / "served",
        "--listing", tmp_path / "served.json", settings=settings,
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
        "--artifact", tmp_path / "absent.blob", "--repository", tmp_path / "served",
        "--listing", tmp_path / "served.json", settings=settings,
    )  # fmt: skip
    assert found.returncode != 0
    assert list(tmp_path.iterdir()) == []


# engine.json of an engine with two profiles, as far as a repository reads it.
RECORD = {
    "file": "model.plan",
    "sha256": sha256_of(b"artifact"),
    "profiles": [shapes.parse_profile(PROFILE), shapes.parse_profile(PROFILE | {"max": PROFILE["opt"]})],
}
RAW = {
    "inputs": [{"name": "image", "dtype": "UINT8", "dims": [28, 28]}],
    "outputs": [{"name": "label", "dtype": "INT64", "dims": [1]}],
}
# The variant that bls and ensemble call, by server.
INNER = {"bundled": "openvino", "native": "tensorrt"}
SERVED = [
    (variant, server)
    for server in INNER
    for variant in NAMED
    if VARIANTS[variant].kind != "pytriton" and (variant, server) != ("tensorrt", "bundled")
]


@pytest.fixture
def assemble(script, tmp_path):
    """Make the repository of a variant by the script of its rule, around an artifact that is none; returns it."""
    (tmp_path / "artifact").write_bytes(b"artifact")
    (tmp_path / "engine.json").write_text(json.dumps(RECORD))

    def make(variant, server, device="cpu", **serving):
        kind, described = kind_of(variant, server), model_of(variant, INNER[server])
        repository = tmp_path / f"{variant}_{server}"
        settings = {
            "name": f"mnist_{variant}",
            "model": MODEL,
            "profile": PROFILE if described.engine else {bound: PROFILE[bound] for bound in ("min", "max")},
            "serving": SERVING
            | {"device": device, "cuda_graphs": False}
            | ({"preferred_batch_size": 4} if described.tuned else {})
            | serving,
        }
        if kind == "model":
            settings["backend"] = None
            given = ["repository.py", "--model-py", BACKENDS / "model.py", "--runtime", BACKENDS / described.runtime]
        elif kind == "native":
            settings |= vars(described.native)
            record = ["--record", tmp_path / "engine.json"] if described.engine else []
            given = ["repository_native.py", "--artifact", tmp_path / "artifact", *record]
        else:
            encoded = [vars(ENCODED)] if kind == "bls" else []
            settings |= {"model": RAW | {"inputs": [*RAW["inputs"], *encoded]}}
            settings |= {"min": PROFILE["min"]} if kind == "ensemble" else {}
            del settings["profile"]
            given = [
                *(f"repository_{kind}.py", "--model-py", BACKENDS / "model.py"),
                *("--model-file", ROOT / DEFAULT["model"]["file"], "--inner", make(INNER[server], server)),
            ]
            if kind == "ensemble":
                for step in ("prepare", "interpret"):
                    given += [f"--{step}", BACKENDS / f"runtime_{step}.py"]
        found = script(*given, "--repository", repository, "--listing", tmp_path / "listing.json", settings=settings)
        assert found.returncode == 0, found.stderr
        return repository

    return make


def configs(repository):
    """Every config.pbtxt of a repository by the name of its directory, as Triton reads it."""
    return {
        path.parent.name: text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
        for path in repository.glob("*/config.pbtxt")
    }


def shown(tensors):
    """Name, type and dims of the inputs or outputs of a ModelConfig."""
    return [(one.name, model_config_pb2.DataType.Name(one.data_type), list(one.dims)) for one in tensors]


@pytest.mark.parametrize(("variant", "server"), SERVED)
def test_config_of_every_variant_on_every_server(assemble, variant, server):
    """Triton's message reads it; tensors are the model's, batches those that the engine admits."""
    found = configs(assemble(variant, server))
    assert [config.name for config in found.values()] == list(found)
    plain = f"mnist_{INNER[server] if VARIANTS[variant].raw else variant}"
    assert shown(found[plain].input) == [("input", "TYPE_FP32", [1, 28, 28])]
    assert shown(found[plain].output) == [("output", "TYPE_FP32", [10])]
    if VARIANTS[variant].raw:
        assert shown(found[f"mnist_{variant}"].input)[0] == ("image", "TYPE_UINT8", [28, 28])
        assert shown(found[f"mnist_{variant}"].output) == [("label", "TYPE_INT64", [1])]
    admitted = max(profile["max"]["input"][0] for profile in RECORD["profiles"])
    assert {config.max_batch_size for config in found.values()} == {admitted}


@pytest.mark.parametrize(
    ("variant", "backend", "file"),
    [
        ("onnx", "onnxruntime", "model.onnx"),
        ("torchscript", "pytorch", "model.pt"),
        ("tensorrt", "tensorrt", "model.plan"),
    ],
)
def test_native_backends_take_the_place_of_python(assemble, variant, backend, file):
    repository = assemble(variant, "native", device="cuda", instances=2)
    (config,) = configs(repository).values()
    assert config.backend == backend
    assert [path.name for path in (repository / config.name / "1").iterdir()] == [file]
    (group,) = config.instance_group
    assert (group.count, group.kind, list(group.gpus)) == (2, model_config_pb2.ModelInstanceGroup.KIND_GPU, [0])
    engine = variant == "tensorrt"
    assert list(group.profile) == (["0", "1"] if engine else [])
    assert list(config.dynamic_batching.preferred_batch_size) == ([4] if engine else [])
    assert [one.batch_size for one in config.model_warmup] == [1, 16]
    assert not config.parameters
    assert not config.HasField("optimization")


@pytest.mark.parametrize(
    ("variant", "parameter"), [("onnx", "intra_op_thread_count"), ("torchscript", "INTRA_OP_THREAD_COUNT")]
)
def test_threads_of_native_backends(assemble, variant, parameter):
    (config,) = configs(assemble(variant, "native", threads=3)).values()
    assert {name: one.string_value for name, one in config.parameters.items()} == {parameter: "3"}


def test_cuda_graphs_cover_every_batch_of_the_profile_once(assemble):
    (config,) = configs(assemble("tensorrt", "native", device="cuda", cuda_graphs=True)).values()
    assert config.optimization.cuda.graphs
    found = [(one.graph_lower_bound.batch_size, one.batch_size) for one in config.optimization.cuda.graph_spec]
    assert found == [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16)]
    for one in config.optimization.cuda.graph_spec:
        assert {name: list(shape.dim) for name, shape in one.input.items()} == {"input": [1, 28, 28]}


@pytest.mark.parametrize("gpus", [1, 2])
def test_gpu_instances_of_a_python_model(assemble, gpus):
    (config,) = configs(assemble("torchscript", "bundled", device="cuda", gpus=gpus)).values()
    (group,) = config.instance_group
    kind = model_config_pb2.ModelInstanceGroup.KIND_GPU
    assert (config.backend, group.kind, list(group.gpus)) == ("python", kind, [*range(gpus)])


def test_engine_whose_profiles_are_smaller_than_what_is_served():
    with pytest.raises(UserError, match=r"^model\.plan admits batches of up to 16, and 17 are to be served\. Hint: "):
        check_profiles(RECORD, {"max": {"input": [17, 1, 28, 28]}})
    check_profiles(RECORD, {"max": {"input": [16, 1, 28, 28]}})
