"""Requests to a served model over gRPC or HTTP, in one form for both."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from program.cli import UserError
from serve.server import Server

PROTOCOLS = ("grpc", "http")
# Seconds until an answer is given up: a large batch of a slow model takes its time.
TIMEOUT = 600
_OF_CLIENT: dict[str, dict[str, int]] = {"grpc": {}, "http": {"network_timeout": TIMEOUT}}
_OF_CALL: dict[str, dict[str, int]] = {"grpc": {"client_timeout": TIMEOUT}, "http": {}}
Arrays = Mapping[str, np.ndarray]


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
        """Version of the server, as it says itself."""
        return str(self._client.get_server_metadata(**self._as_json)["version"])

    def models(self) -> list[str]:
        """Names of all models that are served, from the statistics, which PyTriton leaves open."""
        found = self._client.get_inference_statistics(**self._as_json)["model_stats"]
        return sorted({one["name"] for one in found})

    def metadata(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Inputs and outputs by name with Triton's datatype and the shape, batch axis (-1) included."""
        found = self._client.get_model_metadata(self.model, **self._as_json)
        return {
            side: {
                tensor["name"]: {"datatype": tensor["datatype"], "shape": [int(size) for size in tensor["shape"]]}
                for tensor in found[side]
            }
            for side in ("inputs", "outputs")
        }

    def infer(self, inputs: Arrays, outputs: list[str]) -> list[np.ndarray]:
        """Answers of the model, batch first. Raises InferenceServerException with the server's message."""
        tensors = []
        for name, array in inputs.items():
            tensor = self._module.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
            tensors.append(tensor)
        result = self._client.infer(self.model, tensors, **_OF_CALL[self.protocol])
        return [result.as_numpy(name) for name in outputs]

    def statistics(self) -> dict[str, int]:
        """What the server has counted for the model so far: `inferences` (samples) and `executions` (batches)."""
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


@contextmanager
def connected(server: Server, protocol: str, model: str) -> Iterator[Endpoint]:
    """An endpoint of a running server."""
    endpoint = Endpoint(protocol, {"grpc": server.grpc, "http": server.http}[protocol], model)
    try:
        yield endpoint
    except InferenceServerException as error:
        raise UserError(f"{model} over {protocol}: {error.message()}", f"see {server.log_file}") from error
    finally:
        endpoint.close()
