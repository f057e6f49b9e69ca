"""Requests to a served model, with the same functions for gRPC and HTTP."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from program.cli import UserError
from serve.server import Server

PROTOCOLS = ("grpc", "http")
# Seconds to wait for an answer: a large batch of a slow model takes long.
TIMEOUT = 600
_OF_CLIENT: dict[str, dict[str, int]] = {"grpc": {}, "http": {"network_timeout": TIMEOUT}}
_OF_CALL: dict[str, dict[str, int]] = {"grpc": {"client_timeout": TIMEOUT}, "http": {}}
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Place:
    """Where a request stands in a sequence, which has a number from 1."""

    sequence_id: int
    sequence_start: bool
    sequence_end: bool


class Endpoint:
    """One model behind one protocol."""

    def __init__(self, protocol: str, url: str, model: str) -> None:
        self._module: Any = {"grpc": tritonclient.grpc, "http": tritonclient.http}[protocol]
        self._client: Any = self._module.InferenceServerClient(url, **_OF_CLIENT[protocol])
        self.protocol = protocol
        self.model = model

    def live(self) -> bool:
        return bool(self._client.is_server_live())

    def ready(self) -> bool:
        return bool(self._client.is_server_ready())

    def model_ready(self) -> bool:
        return bool(self._client.is_model_ready(self.model))

    def server_version(self) -> str:
        """The version that the server reports."""
        return str(self._client.get_server_metadata(**self._as_json)["version"])

    def models(self) -> list[str]:
        """The names of all served models, sorted. They come from the statistics, which need no token on PyTriton."""
        found = self._client.get_inference_statistics(**self._as_json)["model_stats"]
        return sorted({one["name"] for one in found})

    def metadata(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Inputs and outputs by name, each with Triton's datatype and the shape, batch axis (-1) first."""
        found = self._client.get_model_metadata(self.model, **self._as_json)
        return {
            side: {
                tensor["name"]: {"datatype": tensor["datatype"], "shape": [int(size) for size in tensor["shape"]]}
                for tensor in found[side]
            }
            for side in ("inputs", "outputs")
        }

    def infer(self, inputs: Arrays, outputs: list[str], place: Place | None = None) -> list[np.ndarray]:
        """The model's `outputs` in this order, batch first. Raises InferenceServerException with its message."""
        result = self._client.infer(self.model, self._tensors(inputs), **self._options(place))
        return [result.as_numpy(name) for name in outputs]

    def send(self, inputs: Arrays, outputs: list[str], place: Place) -> Callable[[], list[np.ndarray]]:
        """Send a request of a sequence; what is returned waits for its outputs, as `infer`."""
        arguments = (self.model, self._tensors(inputs))
        if self.protocol == "http":
            answer = self._client.async_infer(*arguments, **self._options(place)).get_result
        else:
            future: Future[Any] = Future()
            self._client.async_infer(*arguments, partial(_settle, future), **self._options(place))
            answer = future.result
        return lambda: [answer().as_numpy(name) for name in outputs]

    def _options(self, place: Place | None) -> dict[str, Any]:
        return _OF_CALL[self.protocol] | (vars(place) if place else {})

    def _tensors(self, inputs: Arrays) -> list[Any]:
        tensors = []
        for name, array in inputs.items():
            tensor = self._module.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
            tensors.append(tensor)
        return tensors

    def statistics(self) -> dict[str, int]:
        """The server's counts for the model since its start: `inferences` (samples) and `executions` (batches)."""
        found = self._client.get_inference_statistics(self.model, **self._as_json)["model_stats"][0]
        return {
            "inferences": int(found.get("inference_count", 0)),
            "executions": int(found.get("execution_count", 0)),
        }

    def close(self) -> None:
        self._client.close()

    @property
    def _as_json(self) -> dict[str, bool]:
        return {"as_json": True} if self.protocol == "grpc" else {}


def _settle(future: "Future[Any]", result: Any, error: Any) -> None:
    """What gRPC's client calls with an answer or an error."""
    if error:
        future.set_exception(error)
    else:
        future.set_result(result)


@contextmanager
def connected(server: Server, protocol: str, model: str) -> Iterator[Endpoint]:
    """An endpoint of a running server. An error of the server inside the block, or its end, becomes a UserError."""
    endpoint = Endpoint(protocol, {"grpc": server.grpc, "http": server.http}[protocol], model)
    try:
        yield endpoint
    except InferenceServerException as error:
        raise UserError(f"{model} over {protocol}: {error.message()}", f"see {server.log_file}") from error
    except ConnectionError as error:
        server.require_alive()
        raise UserError(f"{model} over {protocol}: {error.strerror or error}.", f"see {server.log_file}") from error
    finally:
        endpoint.close()
