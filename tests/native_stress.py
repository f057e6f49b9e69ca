"""Load for a server with native backends: malformed and odd requests among good ones, many in flight."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
from serving import server
from tritonclient import http
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from native_backends import MAX_BATCH, WIDTH

IN_FLIGHT = 64
# Over HTTP an input of this width arrives in several buffers.
WIDE = 50_000

Request = service_pb2.ModelInferRequest


def request(model: str, array: np.ndarray, dtype: str = "FP32", name: str = "input") -> Any:
    """A request of one input, over gRPC."""
    result = Request(model_name=model)
    result.inputs.add(name=name, datatype=dtype, shape=array.shape)
    result.raw_input_contents.append(array.tobytes())
    return result


def good(model: str, chance: random.Random) -> tuple[Any, np.ndarray]:
    """A request, and its answer."""
    array = np.array([[chance.uniform(-9, 9)] * WIDTH for _ in range(chance.randint(1, MAX_BATCH))], np.float32)
    return request(model, array), array + array


def odd(model: str, chance: random.Random) -> dict[str, Callable[[], Any]]:
    """Requests that have to be refused, by what is wrong with them."""
    array = good(model, chance)[0]
    rows = chance.randint(1, MAX_BATCH)

    def with_shape(*shape: int) -> Any:
        changed = Request.FromString(array.SerializeToString())
        del changed.inputs[0].shape[:]
        changed.inputs[0].shape.extend(shape)
        return changed

    def with_bytes(change: Callable[[bytes], bytes]) -> Any:
        changed = Request.FromString(array.SerializeToString())
        changed.raw_input_contents[0] = change(changed.raw_input_contents[0])
        return changed

    def with_output(name: str) -> Any:
        changed = Request.FromString(array.SerializeToString())
        changed.outputs.add(name=name)
        return changed

    def twice() -> Any:
        changed = Request.FromString(array.SerializeToString())
        changed.inputs.append(changed.inputs[0])
        changed.raw_input_contents.append(changed.raw_input_contents[0])
        changed.inputs[1].name = "other"
        return changed

    return {
        "another width": lambda: request(model, np.zeros((rows, WIDTH + 1), np.float32)),
        "another rank": lambda: request(model, np.zeros((rows, WIDTH, 2), np.float32)),
        "no axis": lambda: request(model, np.zeros((), np.float32)),
        "another type": lambda: request(model, np.zeros((rows, WIDTH), np.int64), "INT64"),
        "bytes of another type": lambda: request(model, np.zeros((rows, WIDTH), np.float64)),
        "no such type": lambda: request(model, np.zeros((rows, WIDTH), np.float32), "FP31"),
        "strings": lambda: request(model, np.zeros((rows, WIDTH), np.int32), "BYTES"),
        "no samples": lambda: request(model, np.zeros((0, WIDTH), np.float32)),
        "too many samples": lambda: request(model, np.zeros((MAX_BATCH + 1, WIDTH), np.float32)),
        "negative size": lambda: with_shape(-1, WIDTH),
        "enormous size": lambda: with_shape(2**62, WIDTH),
        "size that overflows": lambda: with_shape(2**62, 2**62),
        "missing bytes": lambda: with_bytes(lambda data: data[:-1]),
        "bytes too many": lambda: with_bytes(lambda data: data + b"x"),
        "no bytes": lambda: with_bytes(lambda data: b""),
        "another name": lambda: request(model, np.zeros((rows, WIDTH), np.float32), name="imput"),
        "no input": lambda: Request(model_name=model),
        "an input too many": twice,
        "no such output": lambda: with_output("outputs"),
        "no such model": lambda: request("nobody", np.zeros((rows, WIDTH), np.float32)),
    }


class Load:
    """Sends requests and counts what became of them. A wrong outcome is an AssertionError."""

    def __init__(self, running: server.Server, models: list[str], wide: str) -> None:
        self.models, self.wide = models, wide
        self.channels = [grpc.insecure_channel(running.grpc, [("channel", index)]) for index in range(4)]
        self.stubs = [service_pb2_grpc.GRPCInferenceServiceStub(channel) for channel in self.channels]
        self.http = running.http

    def run(self, count: int, seed: int = 0) -> Counter[str]:
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            found = Counter(pool.map(self._one, range(seed, seed + count)))
        for channel in self.channels:
            channel.close()
        return found

    def _one(self, seed: int) -> str:
        chance = random.Random(seed)
        stub, model = chance.choice(self.stubs), chance.choice(self.models)
        kind = chance.choices(["good", "odd", "cancelled", "in pieces"], [45, 45, 6, 4])[0]
        if kind == "good":
            return self._good(stub, model, chance)
        if kind == "odd":
            return self._odd(stub, model, chance)
        return self._cancelled(stub, model, chance) if kind == "cancelled" else self._in_pieces(chance)

    def _good(self, stub: Any, model: str, chance: random.Random) -> str:
        message, expected = good(model, chance)
        answer = stub.ModelInfer(message)
        found = np.frombuffer(answer.raw_output_contents[0], np.float32).reshape(answer.outputs[0].shape)
        assert np.array_equal(found, expected), (model, found, expected)
        return "good"

    def _odd(self, stub: Any, model: str, chance: random.Random) -> str:
        what, make = chance.choice(list(odd(model, chance).items()))
        try:
            stub.ModelInfer(make())
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND), (what, error)
            return f"refused: {what}"
        raise AssertionError(f"{what}: answered")

    def _cancelled(self, stub: Any, model: str, chance: random.Random) -> str:
        message, expected = good(model, chance)
        call = stub.ModelInfer.future(message)
        call.cancel()
        try:
            answer = call.result()
        except (grpc.RpcError, grpc.FutureCancelledError):
            return "cancelled"
        assert np.array_equal(np.frombuffer(answer.raw_output_contents[0], np.float32), expected.ravel())
        return "good"

    def _in_pieces(self, chance: random.Random) -> str:
        """A large input over HTTP; or one whose shape is another than its bytes."""
        array = np.full((chance.randint(1, 3), WIDE), chance.uniform(-9, 9), np.float32)
        given = http.InferInput("input", array.shape, "FP32")
        given.set_data_from_numpy(array)
        fits = chance.random() < 0.7
        if not fits:
            given.set_shape([len(array), WIDE - 1])
        client = http.InferenceServerClient(self.http)
        try:
            found = client.infer(self.wide, [given]).as_numpy("output")
        except InferenceServerException:
            assert not fits
            return "refused: in pieces"
        finally:
            client.close()
        assert fits and np.array_equal(found, array + array)
        return "good, in pieces"
