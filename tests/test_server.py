"""The bundled Triton, really started: what it serves, what it refuses, and what it leaves behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
from tritonclient.utils import InferenceServerException

from conftest import MODEL, PROFILE, SERVING
from processes import wait_for
from program.cli import UserError
from serve import endpoint, install, server

# Answers with its input: a row that comes back to the wrong request shows.
IDENTITY = """
def load(directory, config, threads, device):
    return lambda batch: [batch[0]]
"""
WIDTH = 5


def rows(count: int, first: int = 0) -> np.ndarray:
    """FP32 [count, WIDTH], each row full of its own number."""
    return np.repeat(np.arange(first, first + count, dtype=np.float32)[:, None], WIDTH, 1)


@pytest.fixture(scope="module")
def identity_server(make_repository, repository_settings, tmp_path_factory):
    """A model that answers with its input, for batches of 4 to 16, which waits 20 ms for others."""
    inputs, outputs = ([{"name": name, "dtype": "FP32", "dims": [WIDTH]}] for name in ("input", "output"))
    settings = repository_settings | {
        "name": "identity",
        "model": {"inputs": inputs, "outputs": outputs},
        "profile": {"min": f"input:4x{WIDTH}", "max": f"input:16x{WIDTH}"},
        "serving": repository_settings["serving"] | {"max_queue_delay_us": 20_000},
    }
    directory = tmp_path_factory.mktemp("identity")
    (directory / "runtime.py").write_text(IDENTITY)
    repository = make_repository(settings, directory / "runtime.py")
    with server.running(repository, ["identity"], directory / "triton.log") as running:
        yield running


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, caches included."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_serving_leaves_the_repository_as_it_is(null_repository, tmp_path):
    """Python's backend imports files of the repository, and Python would like to cache them there."""
    repository = shutil.copytree(null_repository, tmp_path / "repository")
    before = contents(repository)
    assert "small/1/model.py" in before
    with (
        server.running(repository, ["small"], tmp_path / "triton.log") as running,
        endpoint.connected(running, "http", "small") as one,
    ):
        one.infer({"input": np.ones((1, 1, 28, 28), np.float32)}, ["output"])
    assert contents(repository) == before


@pytest.mark.parametrize("protocol", endpoint.PROTOCOLS)
def test_inference(null_server, protocol):
    with endpoint.connected(null_server, protocol, "small") as one:
        assert (one.live(), one.ready(), one.model_ready()) == (True, True, True)
        assert one.server_version() == "2.51.0"
        assert one.metadata() == {
            "inputs": {"input": {"datatype": "FP32", "shape": [-1, 1, 28, 28]}},
            "outputs": {"output": {"datatype": "FP32", "shape": [-1, 10]}},
        }
        for batch in (1, 3, 16):
            (answer,) = one.infer({"input": np.ones((batch, 1, 28, 28), np.float32)}, ["output"])
            assert answer.dtype == np.float32
            np.testing.assert_array_equal(answer, np.zeros((batch, 10)))


@pytest.mark.parametrize("protocol", endpoint.PROTOCOLS)
def test_batch_beyond_the_largest_is_refused(null_server, protocol):
    with endpoint.connected(null_server, protocol, "small") as one:
        with pytest.raises(InferenceServerException, match="batch-size must be <= 16"):
            one.infer({"input": np.ones((17, 1, 28, 28), np.float32)}, ["output"])
        # It goes on serving.
        assert one.infer({"input": np.ones((1, 1, 28, 28), np.float32)}, ["output"])[0].shape == (1, 10)


@pytest.mark.parametrize("protocol", endpoint.PROTOCOLS)
def test_batch_below_the_smallest_is_refused(identity_server, protocol):
    with endpoint.connected(identity_server, protocol, "identity") as one:
        with pytest.raises(
            InferenceServerException,
            match=re.escape("identity: input input of shape [1, 5] is outside the profile [4, 5] to [16, 5]"),
        ):
            one.infer({"input": rows(1)}, ["output"])
        np.testing.assert_array_equal(one.infer({"input": rows(4, 7)}, ["output"])[0], rows(4, 7))


def test_small_request_fails_alone(identity_server):
    """One that is refused does not take down the others that came with it."""

    def ask(number: int) -> bool:
        size = 1 if number % 2 else 4
        with endpoint.connected(identity_server, "grpc", "identity") as one:
            try:
                (answer,) = one.infer({"input": rows(size, number)}, ["output"])
            except InferenceServerException as error:
                assert "outside the profile" in error.message()
                return False
        np.testing.assert_array_equal(answer, rows(size, number))
        return True

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(ask, range(32)))
    assert all(answered[::2])


def test_concurrent_requests_of_different_sizes_get_their_own_rows(identity_server):
    def ask(number: int) -> int:
        size = 4 + number % 5
        with endpoint.connected(identity_server, "grpc", "identity") as one:
            (answer,) = one.infer({"input": rows(size, 100 * number)}, ["output"])
        np.testing.assert_array_equal(answer, rows(size, 100 * number))
        return size

    with endpoint.connected(identity_server, "http", "identity") as one:
        before = one.statistics()
        with ThreadPoolExecutor(8) as pool:
            samples = sum(pool.map(ask, range(64)))
        after = one.statistics()
    assert after["inferences"] - before["inferences"] == samples
    # Requests did meet in one batch; else this test would show nothing.
    assert after["executions"] - before["executions"] < 64


def test_unknown_model_is_the_users_error(null_server):
    with (
        pytest.raises(UserError, match=r"absent over grpc: .*unknown model.* Hint: see .*triton\.log"),
        endpoint.connected(null_server, "grpc", "absent") as one,
    ):
        one.metadata()


def members(group: int) -> list[psutil.Process]:
    """Living processes of a process group."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def shared_memory(running: server.Server) -> list[Path]:
    """Regions of this server, by the prefix on its command line."""
    line = " ".join(psutil.Process(running.process.pid).cmdline())
    return list(Path("/dev/shm").glob(re.search(r"shm-region-prefix-name=(\S+)", line)[1] + "*"))


@pytest.mark.parametrize("killed", ["nothing", "the model's process", "the server"])
def test_nothing_is_left_behind(null_repository, tmp_path, killed):
    with ExitStack() as ports:
        # Triton's usual ports may be taken: by another server, or here.
        for port in (8000, 8001, 8002):
            holder = ports.enter_context(socket.socket())
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                holder.bind((server.HOST, port))
                holder.listen()
            except OSError:
                continue
        with server.running(null_repository, ["small"], tmp_path / "triton.log") as running:
            assert not {8000, 8001, 8002} & {running.ports.http, running.ports.grpc, running.ports.metrics}
            group = running.process.pid
            programs = {Path(process.exe()).name for process in members(group)}
            assert programs == {"tritonserver", "triton_python_backend_stub"}
            regions = shared_memory(running)
            assert regions
            if killed == "the server":
                os.kill(group, signal.SIGKILL)
                running.process.wait(60)
            elif killed == "the model's process":
                for process in members(group):
                    if process.pid != group:
                        process.kill()
    # Nobody waits for a killed process whose parent is gone.
    wait_for(lambda: not members(group), "the end of the model's process", 10)
    assert [region for region in regions if region.exists()] == []


def test_listens_on_loopback_only(null_server):
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(null_server.process.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen]:
    """The processes that are started meanwhile."""
    found: list[subprocess.Popen] = []
    popen = subprocess.Popen

    def remember(*arguments, **options):
        found.append(popen(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", remember)
    return found


def test_model_that_cannot_be_loaded(make_repository, repository_settings, tmp_path, started):
    (tmp_path / "runtime.py").write_text(
        'def load(directory, config, threads, device):\n    raise OSError("the blob is odd")\n'
    )
    repository = make_repository(repository_settings, tmp_path / "runtime.py")
    started.clear()
    log_file = tmp_path / "logs" / "triton.log"
    with pytest.raises(UserError) as caught, server.running(repository, ["small"], log_file):
        pytest.fail("a server without its model is not ready")
    assert str(caught.value).startswith(f"Triton ended with exit code 1; its log is {log_file} and ends with:\n")
    assert "the blob is odd" in str(caught.value)
    assert "the blob is odd" in log_file.read_text()
    # The server, and what watches it.
    assert [members(process.pid) for process in started] == [[], []]


def test_a_model_without_cuda_graphs_is_remarked_once(tmp_path):
    log = tmp_path / "triton.log"
    said = "CUDA graphs are off for mnist_aotinductor: operation not permitted when stream is capturing"
    log.write_text(
        'I1128 12:00:00.1 7 server.cc:1] "Started"\n' + f'W1128 12:00:00.2 7 torch_cuda.cpp:185] "{said}"\n' * 2
    )
    assert server.remarks(log) == [said]


@pytest.mark.slow
def test_model_that_is_not_in_the_repository(null_repository, tmp_path, started):
    log_file = tmp_path / "triton.log"
    with (
        pytest.raises(UserError, match=r"Triton was not ready with absent after 3 s; its log is .*triton\.log"),
        server.running(null_repository, ["absent"], log_file, timeout=3),
    ):
        pytest.fail("a model that does not exist is not ready")
    # The server, and what watches it.
    assert [members(process.pid) for process in started] == [[], []]


@pytest.mark.slow
def test_ports_lost_between_search_and_start_are_searched_again(null_repository, tmp_path, monkeypatch):
    with socket.socket() as holder:
        holder.bind((server.HOST, 0))
        holder.listen()
        taken = server.Ports(
            http=holder.getsockname()[1], grpc=server.free_ports().grpc, metrics=server.free_ports().http
        )
        offers = iter([taken, server.free_ports()])
        monkeypatch.setattr(server, "free_ports", lambda: next(offers))
        with server.running(null_repository, ["small"], tmp_path / "triton.log") as running:
            assert running.ports != taken
            with endpoint.connected(running, "http", "small") as one:
                assert one.model_ready()


def test_backend_that_this_triton_does_not_have(script, tmp_path):
    """What Triton says of a model that it cannot serve reaches the reader."""
    (tmp_path / "model.plan").write_bytes(b"plan")
    settings = {"name": "plan", "backend": "tensorrt", "file": "model.plan", "model": MODEL, "profile": PROFILE}
    found = script(
        "repository_native.py", "--artifact", tmp_path / "model.plan", "--repository", tmp_path / "served",
        "--listing", tmp_path / "served.json",
        settings=settings | {"serving": SERVING | {"device": "cpu", "cuda_graphs": False}},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    with (
        pytest.raises(UserError, match=r"(?s)Triton ended with exit code 1; its log is .*backend.*'tensorrt'"),
        server.running(tmp_path / "served", ["plan"], tmp_path / "triton.log"),
    ):
        pytest.fail("a server without the backend is not ready")


@pytest.fixture
def full_triton(tmp_path, monkeypatch):
    """The bundled server laid out and put into PATH as a full Triton is."""
    parts = install.bundled(tmp_path / "bundled")
    home = tmp_path / "opt" / "tritonserver"
    (home / "bin").mkdir(parents=True)
    shutil.copy(parts.binary, home / "bin" / "tritonserver")
    (home / "backends").symlink_to(parts.backend_directory)
    monkeypatch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", parts.env["LD_LIBRARY_PATH"])
    return home


@pytest.mark.slow
def test_triton_in_path(full_triton, null_repository, tmp_path):
    with server.running(null_repository, ["small"], tmp_path / "triton.log", kind="native") as running:
        assert Path(psutil.Process(running.process.pid).exe()) == full_triton / "bin" / "tritonserver"
        with endpoint.connected(running, "grpc", "small") as one:
            assert one.infer({"input": np.ones((1, 1, 28, 28), np.float32)}, ["output"])[0].shape == (1, 10)
