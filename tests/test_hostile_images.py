"""Damaged images, in process and between the good ones of other clients: an error or a right answer for each alone."""

import io
import json
import random
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tritonclient.utils import InferenceServerException

from commands import client
from conftest import DEFAULT, MODEL, PROFILE, ROOT, SERVING, Programs
from model.reference import load
from models import mnist
from plan.config import checked
from plan.rule_settings import RuleSettings
from plan.workflow_plan import Plan
from program.typed import canonical
from serve import endpoint, server

# Damaged images in process, and requests to a server, every second one damaged.
IMAGES = 10_000
REQUESTS = 5_000
CLIENTS = 16
MODES = {"PNG": ("L", "RGB", "RGBA", "P", "LA", "1", "I;16"), "JPEG": ("L", "RGB", "CMYK"), "GIF": ("P", "L")}
# Those that Pillow writes and reads too, which are refused whatever is in them.
OTHERS = ("AVIF", "WEBP", "TIFF", "JPEG2000", "ICO", "PCX", "PPM", "SGI", "TGA", "DDS", "ICNS")


def saved(sample: np.ndarray, kind: str, mode: str = "L", **options: object) -> bytes:
    image = Image.fromarray(sample).resize((32, 32))
    buffer = io.BytesIO()
    image = Image.fromarray(np.asarray(image, np.uint16) * 256) if mode == "I;16" else image.convert(mode)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def originals(digits: tuple[np.ndarray, np.ndarray]) -> list[bytes]:
    """A digit in every format and several of its modes."""
    sample = digits[0][0]
    found = [saved(sample, kind, mode) for kind in mnist.FORMATS for mode in MODES.get(kind, ("L", "RGB", "P", "1"))]
    return [*found, saved(sample, "JPEG", progressive=True), saved(sample, "GIF", "P", transparency=0)]


def damaged(data: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Bytes changed, cut out, doubled, taken from another image or cut off; most often in the header."""
    found = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 8])):
        start = draw.randrange(len(found) or 1) if draw.random() < 0.5 else draw.randrange(64)
        end = start + draw.choice([1, 2, 4, 64])
        other = draw.choice(others)
        found[start:end] = draw.choice(
            [draw.randbytes(end - start), b"", b"\xff" * 4, b"\0" * 4, found[start:end] * 2, other[start:end]]
        )
    return bytes(found[: draw.randrange(len(found) + 1)] if draw.random() < 0.2 else found)


def test_damaged_images_are_decoded_or_refused(originals: list[bytes]) -> None:
    draw = random.Random(19)
    refused = 0
    for _ in range(IMAGES):
        data = damaged(draw.choice(originals), originals, draw)
        try:
            sample = mnist.decode(data)
        except ValueError as error:
            refused += 1
            assert str(error) == "not an image that can be read" or "pixels, more than" in str(error)
        else:
            assert (sample.shape, sample.dtype) == (mnist.SIZE, np.uint8)
    # The damage reaches the decoders, and not only their first look.
    assert IMAGES // 5 < refused < IMAGES


def test_undamaged_images_are_decoded(originals: list[bytes]) -> None:
    for data in originals:
        assert mnist.decode(data).max() > 127


@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_refused(digits: tuple[np.ndarray, np.ndarray], kind: str) -> None:
    data = saved(digits[0][0], kind, "RGB")
    Image.open(io.BytesIO(data)).load()  # Pillow would read it
    with pytest.raises(ValueError, match=r"^not an image that can be read$"):
        mnist.decode(data)


def bomb(width: int, height: int) -> bytes:
    """A PNG of some kilobytes with a blank image of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(height * (1 + width // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(12_000, 12_000), (4104, 4096), (2**31 - 1, 1)])
def test_pixels_are_counted_before_decoding(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
    with pytest.raises(
        ValueError, match=r"^(an image of \d+ × \d+ pixels, more than 16777216 in all|not an image .*)$"
    ):
        mnist.decode(
            bomb(*size) if size[0] < 2**20 else bomb(8, 1).replace(struct.pack(">I", 8), struct.pack(">I", size[0]))
        )


def test_client_refuses_whatever_a_decoder_raises() -> None:
    for error in (MemoryError("no more"), RuntimeError("avif"), IndexError("1")):

        def decode(_: bytes, error: Exception = error) -> np.ndarray:
            raise error

        with pytest.raises(ValueError, match=r"^not a file that the model file decodes: "):
            client.encode(b"", "FP32", SimpleNamespace(decode=decode))


@pytest.fixture(scope="module")
def running(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    """A server of bls around ONNX Runtime, as the rules' scripts assemble it."""
    directory = tmp_path_factory.mktemp("hostile_images")
    backends, script = ROOT / "workflow" / "backends", Programs(directory)
    settings = RuleSettings(Plan(checked(DEFAULT, ROOT), ROOT)).repository_bls()
    bounds = {bound: PROFILE[bound] for bound in ("min", "max")}
    inner = {"name": "mnist_onnx", "backend": None, "model": MODEL, "profile": bounds, "serving": SERVING}
    for found in (
        script(
            "repository.py", "--model-py", backends / "model.py", "--runtime", backends / "runtime_onnx.py",
            "--artifact", exported / "model.onnx", "--repository", "inner", "--listing", "inner.json", settings=inner,
        ),
        script(
            "repository_bls.py", "--model-py", backends / "bls.py", "--model-file", ROOT / DEFAULT["model"]["file"],
            "--inner", "inner", "--repository", "bls", "--listing", "bls.json",
            settings=json.loads(canonical(settings)),
        ),
    ):  # fmt: skip
        assert found.returncode == 0, found.stderr
    repository = directory / "bls"
    with server.running(repository, server.models(repository), directory / "triton.log") as one:
        yield one


def test_requests_beside_damaged_ones_are_answered_right(
    running: server.Server, exported: Path, originals: list[bytes]
) -> None:
    draw = random.Random(19)
    reference = load(exported / "reference_raw.npz")[0].first(64)
    (samples,) = reference.inputs.values()
    good = [_png(sample) for sample in samples]
    bad = [damaged(draw.choice(originals), originals, draw) for _ in range(REQUESTS // 2)]

    with endpoint.connected(running, "grpc", "mnist_bls") as one:

        def ask(number: int) -> str:
            """Empty where the answer, or the error, is what it should be."""
            index = number // 2
            data = bad[index] if number % 2 else good[index % len(good)]
            found = _answer(one, {"encoded": np.array([[data]], dtype=object)})
            if number % 2 == 0:
                expected = tuple(output[index % len(good)].item() for output in reference.outputs.values())
            else:
                try:
                    expected = _answer(one, {"image": mnist.decode(data)[None]})
                except ValueError as error:
                    expected = f"encoded: {error}"
            same = found == expected if isinstance(expected, str) else found == pytest.approx(expected, abs=1e-3)
            return "" if same else f"{number}: {found}, not {expected}"

        with ThreadPoolExecutor(CLIENTS) as pool:
            wrong = [said for said in pool.map(ask, range(REQUESTS)) if said]
        assert wrong == []
        assert one.model_ready()
    assert running.process.poll() is None


def _png(sample: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(sample).save(buffer, "PNG")
    return buffer.getvalue()


def _answer(one: endpoint.Endpoint, inputs: dict[str, np.ndarray]) -> tuple[float, ...] | str:
    try:
        return tuple(output.item() for output in one.infer(inputs, ["label", "probability"]))
    except InferenceServerException as error:
        return error.message()
