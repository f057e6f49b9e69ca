"""A Triton that already runs with --model-control-mode=explicit: is it reachable, and load and unload its models."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from google.protobuf import json_format

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
def loaded(http: str, config: Any) -> Iterator[None]:
    """The server at `http` serves its own files of a model with this ModelConfig, until the block ends.

    Raises UserError with the server's message if it does not load the model. If it does not unload it, that is only a
    warning, so that an error inside the block is the one that is shown.
    """
    _control(http, config.name, "load", {"parameters": {"config": json_format.MessageToJson(config)}})
    try:
        yield
    finally:
        try:
            _control(http, config.name, "unload", {})
        except UserError as error:
            log.warning("%s", error)


def _control(http: str, model: str, verb: str, body: Mapping[str, Any]) -> None:
    """Load or unload a model. Raises UserError if the server refuses or does not answer."""
    url = f"http://{http}/v2/repository/models/{model}/{verb}"
    try:
        answer = requests.post(url, json=body, timeout=_LOAD_TIMEOUT_S)
    except requests.RequestException as error:
        raise UserError(f"the server at {http} did not {verb} {model}: {error}.", "see its log") from error
    if not answer.ok:
        hint = "start it with --model-control-mode=explicit on a copy of the variant's repository (docs/tune.md)"
        raise UserError(f"the server at {http} did not {verb} {model}: {_said(answer)}.", hint)
    log.debug("%s at %s: %sed", model, http, verb)


def _said(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"]).rstrip(".")
    except (ValueError, KeyError):
        return f"status {answer.status_code}"


def _unreachable(name: str, endpoints: Mapping[str, str], error: Exception) -> UserError:
    why = getattr(error, "strerror", None) or type(error).__name__
    hint = "start Triton there with --model-control-mode=explicit, or set tune.launch to local"
    return UserError(f"config: tune.remote.{name}: {endpoints[name]} is not reachable ({why}).", hint)
