"""config.pbtxt, written as Triton's own protobuf message and read back before anyone else reads it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from model import shapes
from model.signature import Signature, Tensor
from serve.serving import Serving

ModelConfig = model_config_pb2.ModelConfig
Tensors = Sequence[Tensor]  # in the model's order

# Triton's config and its metadata name strings differently.
_CONFIG_TYPES = {"BYTES": "TYPE_STRING"}
# Where instances run. One GPU, so that all variants are measured on the same: CUDA_VISIBLE_DEVICES chooses it.
_DEVICES: dict[str, dict[str, Any]] = {"cpu": {"kind": "KIND_CPU"}, "cuda": {"kind": "KIND_GPU", "gpus": [0]}}
# What the native backends call the threads of one operator.
THREADS = {"onnxruntime": "intra_op_thread_count", "pytorch": "INTRA_OP_THREAD_COUNT"}


def python_model(
    name: str, inputs: Tensors, outputs: Tensors, profile: Mapping[str, shapes.Shapes], serving: Serving
) -> Any:
    """The ModelConfig of a model that workflow/backends/model.py serves.

    `profile` has `min` and `max` and, for an engine, `opt`, which becomes the preferred batch size.
    """
    fields = _bounded(name, inputs, outputs, profile, serving)
    axes = {"inputs": _axes(inputs), "outputs": _axes(outputs)}
    fields["parameters"] = _parameters(profile=json.dumps(profile), threads=serving.threads, axes=json.dumps(axes))
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

    `profiles` is the number of profiles that an engine has; requests take the closest. Threads that are
    `auto` or `all` are the backend's own choice.
    """
    fields = _bounded(name, contract.inputs, contract.outputs, profile, serving) | {"backend": backend}
    if backend in THREADS and isinstance(serving.threads, int):
        fields["parameters"] = _parameters(**{THREADS[backend]: serving.threads})
    if profiles:
        fields["instance_group"][0]["profile"] = [str(index) for index in range(profiles)]
    if profiles and serving.cuda_graphs:
        fields["optimization"] = {"cuda": {"graphs": True, "graph_spec": _graphs(profile)}}
    return json_format.ParseDict(fields, ModelConfig())


def bls(name: str, contract: Signature, inner: Any, serving: Serving) -> Any:
    """The ModelConfig of the model that calls `inner` (a ModelConfig); either form of input may be given.

    It has no warm-up, because that would call `inner` before it is loaded.
    """
    fields = _batched(name, contract.inputs, contract.outputs, inner.max_batch_size, serving)
    for tensor in fields["input"]:
        tensor["optional"] = True
    outputs = json.dumps([tensor.name for tensor in inner.output])
    fields["parameters"] = _parameters(inner=inner.name, inner_outputs=outputs)
    return json_format.ParseDict(fields, ModelConfig())


def ensemble(name: str, prepare: Any, inner: Any, interpret: Any) -> Any:
    """The ModelConfig that passes a request through three models, each a ModelConfig, without code of its own."""
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
    """The message as config.pbtxt; what is returned parses to the same message."""
    result: str = text_format.MessageToString(config)
    assert parse(result) == config
    return result


def parse(content: str) -> Any:
    """A config.pbtxt as Triton's message."""
    return text_format.Parse(content, ModelConfig())


def fixed_profile(tensors: Tensors, low: int, high: int) -> dict[str, shapes.Shapes]:
    """Bounds for inputs whose dims are fixed: the batch alone varies, from `low` to `high`."""
    return {
        bound: {tensor.name: [batch, *shapes.sizes(tensor.dims)] for tensor in tensors}
        for bound, batch in (("min", low), ("max", high))
    }


def type_name(data_type: int) -> str:
    """The name of a data type of a ModelConfig, as the config writes it: FP32, INT64, …"""
    name: str = model_config_pb2.DataType.Name(data_type)
    return name.removeprefix("TYPE_")


def _bounded(
    name: str, inputs: Tensors, outputs: Tensors, profile: Mapping[str, shapes.Shapes], serving: Serving
) -> dict[str, Any]:
    """What every model with a profile has: the preferred batch size of an engine, and a warm-up at both ends."""
    fields = _batched(name, inputs, outputs, shapes.batch(profile["max"]), serving)
    if "opt" in profile:
        fields["dynamic_batching"]["preferred_batch_size"] = [shapes.batch(profile["opt"])]
    fields["model_warmup"] = [_warmup(bound, profile[bound], inputs) for bound in ("min", "max")]
    return fields


def _graphs(profile: Mapping[str, shapes.Shapes]) -> list[dict[str, Any]]:
    """CUDA graphs for the powers of two in the profile, its opt and its max; each serves all batches from the last."""
    low, opt, high = (shapes.batch(profile[bound]) for bound in ("min", "opt", "max"))
    sizes = sorted({opt, high, *(2**power for power in range(high.bit_length()) if low <= 2**power <= high)})
    dims = {name: {"dim": shape[1:]} for name, shape in profile["opt"].items()}
    return [
        {"batch_size": size, "input": dims, "graph_lower_bound": {"batch_size": first, "input": dims}}
        for first, size in zip([low, *(size + 1 for size in sizes)], sizes)
    ]


def _batched(name: str, inputs: Tensors, outputs: Tensors, max_batch_size: int, serving: Serving) -> dict[str, Any]:
    """What every model has: tensors, dynamic batching, instances; the Python backend unless it says otherwise."""
    return {
        "name": name,
        "backend": "python",
        "max_batch_size": max_batch_size,
        "input": [_tensor(tensor) for tensor in inputs],
        "output": [_tensor(tensor) for tensor in outputs],
        "dynamic_batching": {"max_queue_delay_microseconds": serving.max_queue_delay_us},
        "instance_group": [{"count": serving.instances, **_DEVICES[serving.device]}],
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "data_type": _data_type(tensor), "dims": shapes.sizes(tensor.dims)}


def _axes(tensors: Tensors) -> dict[str, Any]:
    """Dims by name, as the config has them."""
    return {tensor.name: tensor.dims for tensor in tensors}


def _data_type(tensor: Tensor) -> str:
    return _CONFIG_TYPES.get(tensor.dtype, f"TYPE_{tensor.dtype}")


def _as_dict(tensor: Any) -> dict[str, Any]:
    result: dict[str, Any] = json_format.MessageToDict(tensor, preserving_proto_field_name=True)
    return result


def _step(model: Any) -> dict[str, Any]:
    """One step of an ensemble; a tensor of the ensemble has the name that the model gives it."""
    return {
        "model_name": model.name,
        "model_version": -1,
        "input_map": {tensor.name: tensor.name for tensor in model.input},
        "output_map": {tensor.name: tensor.name for tensor in model.output},
    }


def _parameters(**values: Any) -> dict[str, dict[str, str]]:
    return {key: {"string_value": str(value)} for key, value in values.items()}


def _warmup(bound: str, given: shapes.Shapes, inputs: Tensors) -> dict[str, Any]:
    """A request of zeros at one bound of the profile, run before the model counts as ready."""
    return {
        "name": bound,
        "batch_size": shapes.batch(given),
        "inputs": {
            tensor.name: {"data_type": _data_type(tensor), "dims": given[tensor.name][1:], "zero_data": True}
            for tensor in inputs
        },
    }
