"""config.pbtxt, written as Triton's own protobuf message and read back before anyone else reads it."""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, text_format
from tritonclient.grpc import model_config_pb2

from settings import shapes

ModelConfig = model_config_pb2.ModelConfig


def python_backend(settings: Mapping[str, Any]) -> Any:
    """The ModelConfig of a variant that the Python backend serves.

    `settings`: `name`; `model` (inputs and outputs), `serving` as in the config; `profile` with `min` and `max` and,
    for an engine, `opt`, which becomes the preferred batch size.
    """
    profile = {bound: shapes.parse(text) for bound, text in settings["profile"].items()}
    serving, model = settings["serving"], settings["model"]
    batching: dict[str, Any] = {"max_queue_delay_microseconds": serving["max_queue_delay_us"]}
    if "opt" in profile:
        batching["preferred_batch_size"] = [shapes.batch(profile["opt"])]
    fields = {
        "name": settings["name"],
        "backend": "python",
        "max_batch_size": shapes.batch(profile["max"]),
        "input": [_tensor(name, tensor) for name, tensor in model["inputs"].items()],
        "output": [_tensor(name, tensor) for name, tensor in model["outputs"].items()],
        "dynamic_batching": batching,
        "instance_group": [{"count": serving["instances"], "kind": "KIND_CPU"}],
        "model_warmup": [_warmup(bound, profile[bound], model["inputs"]) for bound in ("min", "max")],
        "parameters": {
            "profile": {"string_value": json.dumps(profile)},
            "threads": {"string_value": str(serving["threads"])},
        },
    }
    return json_format.ParseDict(fields, ModelConfig())


def text(config: Any) -> str:
    """The message as config.pbtxt; what is returned parses to the same message."""
    result: str = text_format.MessageToString(config)
    assert text_format.Parse(result, ModelConfig()) == config
    return result


def _tensor(name: str, tensor: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "data_type": f"TYPE_{tensor['dtype']}", "dims": tensor["dims"]}


def _warmup(bound: str, given: shapes.Shapes, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A request of zeros at one bound of the profile, run before the model counts as ready."""
    return {
        "name": bound,
        "batch_size": shapes.batch(given),
        "inputs": {
            name: {"data_type": f"TYPE_{inputs[name]['dtype']}", "dims": dims[1:], "zero_data": True}
            for name, dims in given.items()
        },
    }
