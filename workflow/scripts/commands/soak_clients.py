"""The clients of commands/soak.py: each function is one request of one kind. What may not happen raises Wrong."""

import json
import random
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import requests
from tritonclient.utils import InferenceServerException

from judgement import allowed
from model.comparison import differences, faults
from model.interface import one_by_one
from model.reference import Reference
from plan.settings.health import HealthCheck, Judgement
from record import inputs
from serve.endpoint import PROTOCOLS, Endpoint
from serve.server import Server

# Seconds that any answer may take.
PATIENCE = 60
LARGEST_BATCH = 16
# Connects, sends what it reads and no more, says so, and waits for its end.
_HALF = """
import socket, sys
host, port = sys.argv[1].split(":")
one = socket.create_connection((host, int(port)))
one.sendall(sys.stdin.buffer.read())
print("sent", flush=True)
one.recv(1)
"""


class Wrong(Exception):
    """What a server under this load must not do."""


@dataclass(frozen=True)
class Asked:
    """A variant, what it promises, the bounds of its answers, samples with what they should give, and its batches."""

    promised: HealthCheck
    judgement: Judgement
    samples: Reference
    smallest: int
    largest: int

    def some(self, draw: random.Random) -> Reference:
        """A batch of a size that is served."""
        size = draw.randint(self.smallest, max(self.smallest, min(self.largest, LARGEST_BATCH)))
        start = draw.randrange(self.samples.samples)
        places = np.arange(start, start + size) % self.samples.samples
        inputs, outputs = (
            {name: array[places] for name, array in side.items()}
            for side in (self.samples.inputs, self.samples.outputs)
        )
        return Reference(inputs, outputs)


class Connections:
    """The connections of one client, made when they are needed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._open: dict[tuple[str, str], Endpoint] = {}

    def to(self, protocol: str, model: str) -> Endpoint:
        url = {"grpc": self.server.grpc, "http": self.server.http}[protocol]
        if (protocol, model) not in self._open:
            self._open[protocol, model] = Endpoint(protocol, url, model)
        return self._open[protocol, model]

    def post(self, model: str, timeout: float = PATIENCE, **content: object) -> requests.Response:
        """An inference over HTTP with whatever content."""
        url = f"http://{self.server.http}/v2/models/{model}/infer"
        return requests.post(url, timeout=timeout, **content)  # type: ignore[arg-type]

    def close(self) -> None:
        for one in self._open.values():
            one.close()


def good(connections: Connections, one: Asked, draw: random.Random) -> None:
    """A request that is answered right."""
    protocol, sent = draw.choice(PROTOCOLS), one.some(draw)
    endpoint = connections.to(protocol, one.promised.name)
    outputs, model = list(sent.outputs), one.promised.model
    try:
        if model.batching:
            found = endpoint.infer(sent.inputs, outputs)
        else:
            found = one_by_one(lambda batch: endpoint.infer(batch, outputs), dict(sent.inputs))
    except Exception as error:  # of either client, for whatever the server does
        raise Wrong(f"{one.promised.name} over {protocol}: {error}") from error
    difference = differences(found, sent.outputs, model.outputs)
    beyond = faults(difference, allowed(one.judgement.bounds), one.judgement.tolerances)
    if one.promised.computes and beyond:
        raise Wrong(f"{one.promised.name} over {protocol}: {'; '.join(beyond)}")


def malformed(connections: Connections, one: Asked, draw: random.Random) -> None:
    """A request that is refused."""
    draw.choice((_noise, _cut, _unknown_input, _false_header, _no_http, _beyond_profile))(connections, one, draw)


def _refused(connections: Connections, one: Asked, what: str, **content: object) -> None:
    try:
        answer = connections.post(one.promised.name, **content)  # type: ignore[arg-type]
    except requests.Timeout as error:
        raise Wrong(f"{what} has no answer") from error
    except requests.ConnectionError:
        return
    if answer.ok:
        raise Wrong(f"{what} is answered with {answer.status_code}")


def _noise(connections: Connections, one: Asked, draw: random.Random) -> None:
    _refused(connections, one, "noise", data=draw.randbytes(draw.randrange(1, 4096)))


def _cut(connections: Connections, one: Asked, draw: random.Random) -> None:
    text = _json(one, draw)
    _refused(connections, one, "JSON that is cut off", data=text[: draw.randrange(1, len(text))])


def _unknown_input(connections: Connections, one: Asked, draw: random.Random) -> None:
    content = json.loads(_json(one, draw))
    content["inputs"][0]["name"] = "unknown"
    _refused(connections, one, "an unknown input", json=content)


def _false_header(connections: Connections, one: Asked, draw: random.Random) -> None:
    length = draw.choice(["-1", "999999", "x"])
    header = {"Inference-Header-Content-Length": length}
    _refused(connections, one, f"a header of {length} bytes", data=_json(one, draw), headers=header)


def _no_http(connections: Connections, _one: Asked, draw: random.Random) -> None:
    host, port = connections.server.http.split(":")
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=PATIENCE) as stream:
        stream.sendall(draw.randbytes(200) + b"\r\n\r\n")
        stream.settimeout(1)
        stream.recv(1024)


def _beyond_profile(connections: Connections, one: Asked, draw: random.Random) -> None:
    if not one.promised.model.batching:
        return
    sent = one.samples.at_least(one.largest + 1).first(one.largest + 1)
    try:
        connections.to(draw.choice(PROTOCOLS), one.promised.name).infer(sent.inputs, list(sent.outputs))
    except InferenceServerException:
        return
    raise Wrong(f"{one.promised.name} answers a batch of {one.largest + 1}, more than its profile has")


def cancelled(connections: Connections, one: Asked, draw: random.Random) -> None:
    """A request whose client gives up after some milliseconds; it may be answered before.

    Over HTTP alone: gRPC requests that are cancelled end the bundled Triton (docs/reliability.md).
    """
    with suppress(requests.RequestException):
        connections.post(one.promised.name, timeout=draw.uniform(0.001, 0.02), data=_json(one, draw))


def killed(connections: Connections, one: Asked, draw: random.Random) -> None:
    """A client that is killed when it has sent a part of a request."""
    text = _json(one, draw).encode()
    path = f"/v2/models/{one.promised.name}/infer"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n".encode()
    part = (head + text)[: draw.randrange(len(head) // 2, len(head) + len(text))]
    command = [sys.executable, "-I", "-S", "-c", _HALF, connections.server.http]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(part)
        process.stdin.close()
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)


def _json(one: Asked, draw: random.Random) -> str:
    """A good request in JSON, with one sample."""
    place = draw.randrange(one.samples.samples)
    sample = Reference({name: array[place : place + 1] for name, array in one.samples.inputs.items()}, {})
    return inputs.as_request(sample, list(sample.inputs))
