"""A Triton that already runs with --model-control-mode=explicit: is it reachable, and load and unload its models."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from google.protobuf import json_format
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from program.cli import UserError, log

# Loading includes a model's warm-up.
_LOAD_TIMEOUT_S = 300


def require(endpoints: Mapping[str, str]) -> None:
    """Raises UserError when an endpoint does not answer. `endpoints`: `http`, `grpc` and `metrics` of `tune.remote`."""
    host, port = endpoints["grpc"].rsplit(":", 1)
    try:
        requests.get(f"http://{endpoints['http']}/v2/health/live", timeout=5).raise_for_status()
    except requests.RequestException as error:
        raise _unreachable("http", endpoints, error) from error
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise _unreachable("grpc", endpoints, error) from error
    try:
        requests.get(endpoints["metrics"], timeout=5).raise_for_status()
    except requests.RequestException as error:
        raise _unreachable("metrics", endpoints, error) from error


@contextmanager
def loaded(grpc: str, config: Any) -> Iterator[None]:
    """The server at `grpc` serves its own files of a model with this ModelConfig, until the block ends.

    Raises UserError with the server's message if it does not load the model. If it does not unload it, that is only a
    warning, so that an error inside the block is the one that is shown.
    """
    with InferenceServerClient(grpc) as client:
        try:
            client.load_model(config.name, config=json_format.MessageToJson(config), client_timeout=_LOAD_TIMEOUT_S)
        except InferenceServerException as error:
            hint = "start it with --model-control-mode=explicit on a copy of the variant's repository (docs/tune.md)"
            raise UserError(f"the server at {grpc} did not load {config.name}: {_said(error)}.", hint) from error
        try:
            yield
        finally:
            try:
                client.unload_model(config.name, client_timeout=_LOAD_TIMEOUT_S)
            except InferenceServerException as error:
                log.warning("the server at %s did not unload %s: %s.", grpc, config.name, _said(error))


def _said(error: InferenceServerException) -> str:
    return str(error.message()).rstrip(".")


def _unreachable(name: str, endpoints: Mapping[str, str], error: Exception) -> UserError:
    why = getattr(error, "strerror", None) or type(error).__name__
    hint = "start Triton there with --model-control-mode=explicit, or set tune.launch to local"
    return UserError(f"config: tune.remote.{name}: {endpoints[name]} is not reachable ({why}).", hint)
