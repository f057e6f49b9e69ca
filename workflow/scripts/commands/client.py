"""Ask a served model about one image, or another file that the model file decodes, and print its answer.

Everything but the file can be left out: the model, its input and its output are read from the server. The model file,
by default that of config/config.yaml, makes of it what the model takes.
"""

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
from geventhttpclient.response import HTTPParseError
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from model.source import load_file
from plan.configured import PROJECT, configured
from program import cli
from program.cli import UserError
from serve.endpoint import PROTOCOLS, Endpoint

PORTS = {"http": 8000, "grpc": 8001}


def only_model(endpoint: Endpoint) -> str:
    """The name of the one model that is served. Raises UserError when there are several."""
    names = endpoint.models()
    if len(names) != 1:
        raise UserError(f"the server has the models {', '.join(names)}.", f"choose one: --model {names[0]}")
    return names[0]


def named(kind: str, described: dict[str, Any], name: str | None) -> str:
    """The input or output to use: `name`, or the model's first. Raises UserError when it has none of this name."""
    if name is None:
        return next(iter(described))
    if name not in described:
        raise UserError(f"the model has no {kind} {name}.", f"it has {', '.join(described)}")
    return name


def encode(data: bytes, datatype: str, source: Any) -> np.ndarray:
    """An image file as a batch of one for an input of this datatype: bytes, the raw sample, or the model's input.

    Raises ValueError when the file is not an image.
    """
    if datatype == "BYTES":
        return np.array([[data]], dtype=object)
    sample = decode(data, source)[None]
    return sample if np_to_triton_dtype(sample.dtype) == datatype else next(iter(source.prepare(sample).values()))


def decode(data: bytes, source: Any) -> np.ndarray:
    """What the model file decodes of an image file. Raises ValueError, whatever its decoder raises."""
    try:
        decoded: np.ndarray = source.decode(data)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"not a file that the model file decodes: {error!r}") from error
    return decoded


def interpret(outputs: dict[str, np.ndarray], source: Any) -> dict[str, Any]:
    """The answer in an output of scores, or in outputs that are the answer already."""
    first = next(iter(outputs.values()))
    answer = outputs if np.issubdtype(first.dtype, np.integer) else source.interpret(first)
    return {name: value.ravel()[0].item() for name, value in answer.items()}


def ask(options: argparse.Namespace, endpoint: Endpoint) -> dict[str, Any]:
    """The answer, with the model's name and the time of the request in milliseconds."""
    path = options.model_file or PROJECT / configured()["model"]["file"]
    source = load_file(path, "prepare", "interpret", "decode")
    endpoint.model = options.model or only_model(endpoint)
    metadata = endpoint.metadata()
    input_name = named("input", metadata["inputs"], options.input_name)
    output_name = named("output", metadata["outputs"], options.output_name)
    array = encode(options.image.read_bytes(), metadata["inputs"][input_name]["datatype"], source)
    start = time.perf_counter()
    names = list(metadata["outputs"])
    outputs = dict(zip(names, endpoint.infer({input_name: array}, names)))
    milliseconds = (time.perf_counter() - start) * 1000
    # The chosen output first: it holds the answer.
    outputs = {output_name: outputs.pop(output_name), **outputs}
    return {**interpret(outputs, source), "model": endpoint.model, "milliseconds": round(milliseconds, 2)}


def main(options: argparse.Namespace) -> None:
    if not options.image.is_file():
        raise UserError(f"{options.image} does not exist.", "--image path/to/image.png")
    url = address(options)
    endpoint = Endpoint(options.protocol, url, options.model or "")
    try:
        answer = ask(options, endpoint)
    except ValueError as error:
        raise UserError(f"{options.image} is {error}.") from error
    except (InferenceServerException, OSError, HTTPParseError) as error:
        raise UserError(*_explained(error, url, options.protocol)) from error
    finally:
        endpoint.close()
    if options.json:
        print(json.dumps(answer))
    else:
        print(worded(answer))


def worded(answer: dict[str, Any]) -> str:
    """The answer in a line: its first value, then the others by name, then the model."""
    first, *others = [name for name in answer if name not in ("model", "milliseconds")]
    words = [f"{name} {answer[name]:{'.1%' if name == 'probability' else ''}}" for name in others]
    return f"{answer[first]}  ({', '.join([*words, answer['model']])})"


def address(options: argparse.Namespace) -> str:
    """`host:port` of the server. A scheme before it is accepted. Raises UserError if it is something else."""
    url = options.url or f"localhost:{options.port or PORTS[options.protocol]}"
    host, _, port = re.sub(r"^\w+://|/+$", "", url).rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 2**16):
        raise UserError(f"{url} is not an address.", "write host:port, as localhost:8000")
    return f"{host}:{port}"


def _explained(error: Exception, url: str, protocol: str) -> tuple[str, str]:
    """What went wrong, and what to do."""
    message = error.message() if isinstance(error, InferenceServerException) else str(error)
    away = ("failed to connect", "Connection refused", "connection refused", "UNAVAILABLE")
    if isinstance(error, InferenceServerException) and not any(word in message for word in away):
        return f"the server says: {message.strip().rstrip('.')}.", "make serve VARIANT=openvino serves one that answers"
    (other,) = set(PROTOCOLS) - {protocol}
    if _answers(other, url):
        return f"{url} speaks {other}, not {protocol}.", f"--protocol {other} for this port, or another --port 8000"
    hint = "start one: make serve VARIANT=openvino; for one on another port: --port 9000"
    return f"no server answers at {url} over {protocol}.", hint


def _answers(protocol: str, url: str) -> bool:
    """Whether a server answers there over this protocol."""
    endpoint = Endpoint(protocol, url, "")
    try:
        return endpoint.live()
    except (InferenceServerException, OSError, HTTPParseError):
        return False
    finally:
        endpoint.close()


def arguments() -> argparse.ArgumentParser:
    result = cli.parser(__doc__)
    result.add_argument("--image", type=cli.named_file, required=True, help="image file")
    result.add_argument("--model", help="name of the model (default: the one that is served)")
    result.add_argument("--input-name", help="default: the model's first input")
    result.add_argument("--output-name", help="default: the model's first output")
    result.add_argument("--protocol", choices=PROTOCOLS, default="http", help="default: %(default)s")
    where = result.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, help="of this machine (default: 8000 for http, 8001 for grpc)")
    where.add_argument("--url", help="host:port of another server")
    result.add_argument("--model-file", type=Path, help="default: that of config/config.yaml")
    result.add_argument("--json", action="store_true", help="print JSON")
    return result


if __name__ == "__main__":
    cli.run(main, arguments())
