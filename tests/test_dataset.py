"""The data set: an exact split of the embedded digits, and downloads that are checked."""

import gzip
import hashlib
import json
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from torchvision.datasets import MNIST

from conftest import DEFAULT, ROOT
from models import idx, mnist_data
from program.cli import UserError
from program.files import sha256

EMBEDDED = {"source": "embedded", "options": {"test_size": 100, "seed": 7}}


def outputs(directory):
    return [
        *("--model-file", ROOT / DEFAULT["model"]["file"], "--summary", directory / "dataset.json"),
        *("--train", directory / "train.npz", "--test", directory / "test.npz"),
    ]


def test_embedded_split_is_stratified_exact_and_disjoint():
    (train, train_labels), (test, test_labels) = mnist_data.embedded(1000, seed=2024)
    assert (train.shape, test.shape) == ((4000, 28, 28), (1000, 28, 28))
    assert {array.dtype for array in (train, train_labels, test, test_labels)} == {np.dtype(np.uint8)}
    assert np.bincount(train_labels).tolist() == [400] * 10
    assert np.bincount(test_labels).tolist() == [100] * 10
    held_back = {image.tobytes() for image in test}
    assert len(held_back) == 1000
    assert not held_back & {image.tobytes() for image in train}
    # Classes are mixed, so that the first samples are not all of one.
    assert set(test_labels[:100]) == set(range(10))


@pytest.mark.slow
def test_seed_decides_the_split():
    one, same, other = (mnist_data.embedded(100, seed)[1][0] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(script, tmp_path):
    digests = []
    for name in ("one", "two"):
        found = script("dataset.py", *outputs(tmp_path / name), settings=EMBEDDED)
        assert found.returncode == 0, found.stderr
        digests.append([sha256(tmp_path / name / file) for file in ("train.npz", "test.npz", "dataset.json")])
    assert digests[0] == digests[1]
    described = json.loads((tmp_path / "one" / "dataset.json").read_text())
    assert described["source"] == "embedded"
    assert described["test"] == {
        "file": "test.npz", "count": 100, "per_class": [10] * 10, "sha256": sha256(tmp_path / "one" / "test.npz"),
    }  # fmt: skip
    with np.load(tmp_path / "one" / "train.npz") as data:
        assert {name: data[name].shape for name in data} == {"images": (4900, 28, 28), "labels": (4900,)}


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A directory with four small files in place of the official ones, whose checksums torchvision is told."""
    directory = tmp_path / "mirror"
    directory.mkdir()
    resources = []
    for prefix, count in (("train", 6), ("t10k", 3)):
        images = np.arange(count * 28 * 28).reshape(count, 28, 28) % 251
        for name, array in (
            (f"{prefix}-images-idx3-ubyte.gz", images),
            (f"{prefix}-labels-idx1-ubyte.gz", images[:, 0, 0]),
        ):
            content = gzip.compress(idx_bytes(array), mtime=0)
            (directory / name).write_bytes(content)
            resources.append((name, hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)
    return directory


@pytest.fixture
def served():
    """Serve a directory over http on the loopback interface; gives the URL and the requests that came."""
    servers = []

    def serve(directory):
        asked = []

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_):
                asked.append(f"{self.command} {self.path}")

        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=directory))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", asked

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def assert_is_the_mirrors(splits):
    (train, train_labels), (test, _) = splits
    assert (train.shape, test.shape) == ((6, 28, 28), (3, 28, 28))
    assert train[0].ravel()[:3].tolist() == [0, 1, 2]
    assert train_labels.tolist() == train[:, 0, 0].tolist()


def test_directory_as_mirror(mirror, tmp_path):
    assert_is_the_mirrors(mnist_data.official([str(mirror)], 0, tmp_path / "downloads"))


def test_http_mirror_on_this_machine(mirror, served, tmp_path):
    url, asked = served(mirror)
    assert_is_the_mirrors(mnist_data.official([url], 0, tmp_path / "downloads"))
    assert asked == [f"GET /{name}" for name, _ in MNIST.resources]
    asked.clear()
    # What is there and whole is not fetched again.
    assert_is_the_mirrors(mnist_data.official([url], 0, tmp_path / "downloads"))
    assert asked == []


def corrupted(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


@pytest.mark.parametrize("damage", [corrupted, truncated])
@pytest.mark.parametrize("over_http", [False, True], ids=["directory", "http"])
def test_damaged_file_is_refused_by_name_and_removed(mirror, served, tmp_path, damage, over_http):
    path = mirror / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    where = served(mirror)[0] if over_http else str(mirror)
    with pytest.raises(UserError) as caught:
        mnist_data.official([where], 1, tmp_path / "downloads")
    assert str(caught.value) == (
        f"no mirror delivered t10k-labels-idx1-ubyte.gz ({where}: wrong checksum: corrupted or truncated). "
        "Hint: set dataset.mirrors to a mirror that you can reach, or to a directory with the file"
    )
    assert not (tmp_path / "downloads" / path.name).exists()
    assert (tmp_path / "downloads" / "t10k-images-idx3-ubyte.gz").exists()


def test_next_mirror_is_used(mirror, served, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    for path in mirror.iterdir():
        (bad / path.name).write_bytes(corrupted(path.read_bytes()))
    url, asked = served(mirror)
    assert_is_the_mirrors(mnist_data.official([str(tmp_path / "absent"), str(bad), url], 0, tmp_path / "downloads"))
    assert asked == [f"GET /{name}" for name, _ in MNIST.resources]


class Cut(SimpleHTTPRequestHandler):
    """Promises more than it sends, then hangs up."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"the first bytes")

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("retries", [0, 2])
def test_connection_that_breaks(mirror, tmp_path, retries):
    with ThreadingHTTPServer(("127.0.0.1", 0), Cut) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(UserError, match=r"no mirror delivered train-images-idx3-ubyte.gz \(http://127.0.0.1:"):
            mnist_data.official([url], retries, tmp_path / "downloads")
        server.shutdown()
    assert not list((tmp_path / "downloads").iterdir())


def test_nobody_listens(mirror, tmp_path):
    with pytest.raises(UserError, match="Connection refused"):
        mnist_data.official(["http://127.0.0.1:9"], 1, tmp_path / "downloads")


def test_damaged_download_of_an_earlier_run_is_replaced(mirror, tmp_path):
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    name = "train-labels-idx1-ubyte.gz"
    (downloads / name).write_bytes(truncated((mirror / name).read_bytes()))
    assert_is_the_mirrors(mnist_data.official([str(mirror)], 0, downloads))
    assert (downloads / name).read_bytes() == (mirror / name).read_bytes()


def test_unencrypted_mirror_elsewhere_is_refused(mirror, tmp_path):
    with pytest.raises(
        UserError, match=r"config: dataset.mirrors: http://example.org/ is not encrypted. Hint: use https"
    ):
        mnist_data.official(["http://example.org/"], 0, tmp_path / "downloads")
    assert not list((tmp_path / "downloads").glob("*"))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://example.org/mnist", "https://example.org/mnist/"),
        ("https://example.org/mnist//", "https://example.org/mnist/"),
        ("http://localhost:8080", "http://localhost:8080/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
    ],
)
def test_url_of_a_mirror(given, url):
    assert mnist_data.mirror_url(given) == url


@pytest.mark.parametrize("host", ["http://127.0.0.1.example.org/", "http://localhost@example.org/"])
def test_another_machine_cannot_pass_for_this_one(host):
    with pytest.raises(UserError, match="is not encrypted"):
        mnist_data.mirror_url(host)


@pytest.mark.slow
def test_program_ends_with_2_and_writes_nothing(script, tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "train-images-idx3-ubyte.gz").write_bytes(b"not the official file")
    given = ("--downloads", tmp_path / "down", "--mirrors", mirror, "--retries", 0)
    found = script("dataset.py", *outputs(tmp_path / "out"), *given, settings={"source": "mnist"})
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert found.stderr.splitlines()[-1].startswith("dataset.py: error: no mirror delivered train-images")
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "down").iterdir())


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (2, 28, 28)])
def test_idx(tmp_path, pack, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "file").write_bytes(pack(idx_bytes(array)))
    found = idx.read(tmp_path / "file")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


GOOD = idx_bytes(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(GOOD)[:-9], "is damaged: "),
        (corrupted(gzip.compress(GOOD)), "is damaged: "),
        (b"\x1f\x8b\x08\0 nothing that inflates", "is damaged: "),
        (b"", "is not an IDX file of unsigned bytes."),
        (b"\0\0\x08", "is not an IDX file of unsigned bytes."),
        (b"\0\1" + GOOD[2:], "is not an IDX file of unsigned bytes."),
        (b"\0\0\x0d" + GOOD[3:], "is not an IDX file of unsigned bytes."),
        (GOOD[:9], "is not an IDX file of unsigned bytes."),
        (GOOD[:-1], r"holds 5 bytes where its header says \(2, 3\). Hint: fetch it again"),
        (GOOD + b"\0", r"holds 7 bytes where its header says \(2, 3\)."),
    ],
)
def test_damaged_idx_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "digits-idx3"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"digits-idx3 {message}"):
        idx.read(path)


def test_missing_idx(tmp_path):
    with pytest.raises(UserError, match=r"absent-idx1 does not exist\.$"):
        idx.read(tmp_path / "absent-idx1")
