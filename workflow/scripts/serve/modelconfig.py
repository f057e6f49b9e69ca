"""config.pbtxt, written from Triton's own protobuf message and parsed again as a check."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from model import shapes
from model.signature import Signature, Tensor, names
from serve.serving import Serving

# Of our native backends, so that they never stand in the way of NVIDIA's.
BACKEND_PREFIX = "endpoints_"
ModelConfig = model_config_pb2.ModelConfig
Tensors = Sequence[Tensor]  # in the model's order

# A state is kept for so long, in microseconds, while its client sends nothing; Triton's own second is short.
_IDLE = 60_000_000
# Sequences that an instance serves at a time; more wait until one ends.
_SEQUENCES = 1024
# Triton's config and its metadata have different names for strings.
_CONFIG_TYPES = {"BYTES": "TYPE_STRING"}
# The native backends' names for the number of threads of one operator.
THREADS = {"onnxruntime": "intra_op_thread_count", "pytorch": "INTRA_OP_THREAD_COUNT"}


def engine_model(
    name: str,
    model: Signature,
    profile: Mapping[str, shapes.Shapes],
    serving: Serving,
    backend: str | None = None,
) -> Any:
    """The ModelConfig of a model that workflow/backends/model.py serves.

    `profile` has `min` and `max` and, for an engine, `opt`.
    """
    fields = _bounded(name, model, profile, serving)
    axes = {"inputs": _axes(model.inputs), "outputs": _axes(model.outputs)}
    fields["parameters"] = _parameters(profile=json.dumps(profile), threads=serving.threads, axes=json.dumps(axes))
    if model.state:
        order = {"inputs": names(model.inputs), "outputs": names(model.outputs)}
        fields["parameters"] |= _parameters(order=json.dumps(order))
    if backend:
        fields["backend"] = BACKEND_PREFIX + backend
        graphs = str(serving.cuda_graphs).lower()
        fields["parameters"] |= _parameters(cuda_graphs=graphs)
    return json_format.ParseDict(fields, ModelConfig())


def native_model(
    name: str,
    backend: str,
    contract: Signature,
    profile: Mapping[str, shapes.Shapes],
    serving: Serving,
    profiles: int = 0,
) -> Any:
    """The ModelConfig of a model that Triton's own `backend` serves.

    `profiles`: how many an engine has; a request uses the closest. The backend itself chooses threads that are `auto`
    or `all`.
    """
    fields = _bounded(name, contract, profile, serving) | {"backend": backend}
    if backend in THREADS and isinstance(serving.threads, int):
        fields["parameters"] = _parameters(**{THREADS[backend]: serving.threads})
    if profiles:
        fields["instance_group"][0]["profile"] = [str(index) for index in range(profiles)]
    if profiles and serving.cuda_graphs:
        fields["optimization"] = {"cuda": {"graphs": True, "graph_spec": _graphs(profile)}}
    return json_format.ParseDict(fields, ModelConfig())


def bls(name: str, contract: Signature, inner: Any, serving: Serving) -> Any:
    """The ModelConfig of the model that calls `inner` (a ModelConfig). Each request gives one of its two inputs.

    It has no warm-up, because a warm-up could call `inner` before it is loaded.
    """
    fields = _served(name, contract, inner.max_batch_size, serving)
    for tensor in fields["input"]:
        tensor["optional"] = True
    outputs = json.dumps([tensor.name for tensor in inner.output])
    fields["parameters"] = _parameters(inner=inner.name, inner_outputs=outputs)
    return json_format.ParseDict(fields, ModelConfig())


def ensemble(name: str, prepare: Any, inner: Any, interpret: Any) -> Any:
    """The ModelConfig of the ensemble that passes a request through three models, each given as a ModelConfig."""
    fields = {
        "name": name,
        "platform": "ensemble",
        "max_batch_size": inner.max_batch_size,
        "input": [_as_dict(tensor) for tensor in prepare.input],
        "output": [_as_dict(tensor) for tensor in interpret.output],
        "ensemble_scheduling": {"step": [_step(model) for model in (prepare, inner, interpret)]},
    }
    return json_format.ParseDict(fields, ModelConfig())


def text(config: Any) -> str:
    """The text of config.pbtxt, which parses to the same message."""
    result: str = text_format.MessageToString(config)
    assert parse(result) == config
    return result


def parse(content: str) -> Any:
    """The ModelConfig in the text of a config.pbtxt."""
    return text_format.Parse(content, ModelConfig())


def fixed_profile(tensors: Tensors, low: int, high: int) -> dict[str, shapes.Shapes]:
    """Bounds for inputs with fixed dims: only the batch varies, from `low` to `high`."""
    return {
        bound: {tensor.name: [batch, *shapes.sizes(tensor.dims)] for tensor in tensors}
        for bound, batch in (("min", low), ("max", high))
    }


def type_name(data_type: int) -> str:
    """The config's name for a data type of a ModelConfig: FP32, INT64, …"""
    name: str = model_config_pb2.DataType.Name(data_type)
    return name.removeprefix("TYPE_")


def _bounded(name: str, model: Signature, profile: Mapping[str, shapes.Shapes], serving: Serving) -> dict[str, Any]:
    """The fields of every model with a profile: a preferred batch size, and a warm-up at min and max."""
    fields = _served(name, model, shapes.batch(profile["max"]) if model.batching else 0, serving)
    if serving.preferred_batch_size:
        fields["dynamic_batching"]["preferred_batch_size"] = [serving.preferred_batch_size]
    # Triton's warm-up is no sequence; native backends prepare themselves.
    fields["model_warmup"] = [
        _warmup(bound, shapes.stacked(profile[bound], model.batching), model.inputs)
        for bound in ("min", "max")
        if not model.state
    ]
    return fields


def _graphs(profile: Mapping[str, shapes.Shapes]) -> list[dict[str, Any]]:
    """CUDA graphs for powers of two in the profile, opt and max; each serves the batches above the next smaller one."""
    low, opt, high = (shapes.batch(profile[bound]) for bound in ("min", "opt", "max"))
    sizes = sorted({opt, high, *(2**power for power in range(high.bit_length()) if low <= 2**power <= high)})
    dims = {name: {"dim": shape[1:]} for name, shape in profile["opt"].items()}
    return [
        {"batch_size": size, "input": dims, "graph_lower_bound": {"batch_size": first, "input": dims}}
        for first, size in zip([low, *(size + 1 for size in sizes)], sizes)
    ]


def _served(name: str, model: Signature, max_batch_size: int, serving: Serving) -> dict[str, Any]:
    """The fields of every model: tensors, dynamic batching, instances, and the Python backend as default.

    max_batch_size: 0 for a model without a batch axis, which Triton does not batch.
    """
    return {
        "name": name,
        "backend": "python",
        "max_batch_size": max_batch_size,
        "input": [_tensor(tensor, model.batching) for tensor in model.sent],
        "output": [_tensor(tensor, model.batching) for tensor in model.answered],
        **_scheduled(model, max_batch_size, serving),
        "instance_group": [{"count": serving.instances, **_placement(serving)}],
    }


def _scheduled(model: Signature, max_batch_size: int, serving: Serving) -> dict[str, Any]:
    """How requests wait for each other: those of different sequences, where a state is kept."""
    delay = {"max_queue_delay_microseconds": serving.max_queue_delay_us}
    if not model.state:
        return {"dynamic_batching": delay} if max_batch_size else {}
    return {
        "sequence_batching": {
            # Without slots: a batch has whatever sequences wait, and no request that stands for none.
            "oldest": {"max_candidate_sequences": _SEQUENCES, **delay},
            "max_sequence_idle_microseconds": _IDLE,
            "state": [_state(one, model.state[one.name]) for one in model.inputs if one.name in model.state],
        }
    }


def _state(taken: Tensor, given: str) -> dict[str, Any]:
    """Without an initial state its memory is whatever was there."""
    described = {"data_type": _data_type(taken), "dims": taken.dims}
    zeros = {"name": "zeros", "zero_data": True, **described}
    return {"input_name": taken.name, "output_name": given, **described, "initial_state": [zeros]}


def _placement(serving: Serving) -> dict[str, Any]:
    """Where instances run: every variant on the same GPUs, which CUDA_VISIBLE_DEVICES chooses."""
    if serving.device == "cpu":
        return {"kind": "KIND_CPU"}
    return {"kind": "KIND_GPU", "gpus": [*range(serving.gpus)]}


def _tensor(tensor: Tensor, batching: bool) -> dict[str, Any]:
    """Triton knows no tensor without dims: clients see one of a single element, the model gets it without that axis.

    Without batches Triton cannot take the axis away; workflow/backends/ does.
    """
    reshaped: dict[str, Any] = {"reshape": {"shape": []}} if batching and not tensor.dims else {}
    return {"name": tensor.name, "data_type": _data_type(tensor), "dims": shapes.sizes(tensor.served), **reshaped}


def _axes(tensors: Tensors) -> dict[str, Any]:
    """The config's dims by the name of the tensor, -1 for a free axis without a name."""
    return {tensor.name: [-1 if axis is None else axis for axis in tensor.dims] for tensor in tensors}


def _data_type(tensor: Tensor) -> str:
    return _CONFIG_TYPES.get(tensor.dtype, f"TYPE_{tensor.dtype}")


def _as_dict(tensor: Any) -> dict[str, Any]:
    result: dict[str, Any] = json_format.MessageToDict(tensor, preserving_proto_field_name=True)
    return result


def _step(model: Any) -> dict[str, Any]:
    """One step of an ensemble. The ensemble's tensors have the names of the model's."""
    return {
        "model_name": model.name,
        "model_version": -1,
        "input_map": {tensor.name: tensor.name for tensor in model.input},
        "output_map": {tensor.name: tensor.name for tensor in model.output},
    }


def _parameters(**values: Any) -> dict[str, dict[str, str]]:
    return {key: {"string_value": str(value)} for key, value in values.items()}


def _warmup(bound: str, given: shapes.Shapes, inputs: Tensors) -> dict[str, Any]:
    """A request of zeros at one bound of the profile, which runs before the model is ready."""
    return {
        "name": bound,
        "batch_size": shapes.batch(given),
        "inputs": {
            tensor.name: {"data_type": _data_type(tensor), "dims": given[tensor.name][1:] or [1], "zero_data": True}
            for tensor in inputs
        },
    }
