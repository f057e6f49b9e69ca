"""What one perf_analyzer run is worth; the outputs in tests/data/perf_analyzer were recorded from version 2.51."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from conftest import ROOT
from model.reference import Reference
from plan.loads import Load, Windows
from processes import wait_for
from record import inputs, perf_analyzer
from record.perf_analyzer import interpret, read_csv

RECORDED = ROOT / "tests" / "data" / "perf_analyzer"

DELAYED = (
    "[WARNING] Perf Analyzer was not able to keep up with the desired request rate. 8.50% of the requests were delayed."
)


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text()


STABLE = {
    "throughput": 2666.29, "latency_avg": 1493.0, "latency_p50": 1182.0, "latency_p90": 1746.0,
    "latency_p95": 2609.0, "latency_p99": 6500.0, "server_queue": 203.0, "server_compute_input": 25.0,
    "server_compute_infer": 238.0, "server_compute_output": 192.0, "requests": 5136, "status": "stable", "reason": "",
}  # fmt: skip


def test_stable_over_grpc():
    assert interpret(0, recorded("stable"), read_csv(RECORDED / "stable.csv")) == STABLE


def test_stable_over_http():
    point = interpret(0, recorded("stable_http"), read_csv(RECORDED / "stable_http.csv"))
    assert (point["status"], point["throughput"], point["requests"]) == ("stable", 993.301, 1867)
    assert point["latency_p99"] == 21075


def test_gpu_is_asked_for_where_there_is_one():
    windows = Windows(500, 20, 5, samples=2)
    arguments = ("small", "127.0.0.1:1", Load("grpc", 1, 1), windows, Path("samples.json"))
    assert "--collect-metrics" not in perf_analyzer.command(*arguments)
    command = perf_analyzer.command(*arguments, "127.0.0.1:2/metrics")
    flags = ["--collect-metrics", "--metrics-url", "127.0.0.1:2/metrics"]
    assert command[command.index("--collect-metrics") :][:3] == flags


def test_unstable_keeps_the_medians_of_its_windows():
    reason = "not stable within 3 windows; its figures are their medians"
    expected = {"throughput": 1984.43, "latency_avg": 2018.0, "status": "unstable", "reason": reason}
    assert interpret(2, recorded("unstable"), []) == expected


def test_row_of_an_unstable_point_is_not_taken_for_stable():
    """Some versions end with 0 and a row all the same."""
    assert interpret(0, recorded("unstable"), read_csv(RECORDED / "stable.csv"))["status"] == "unstable"


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        (
            "no_server",
            99,
            "perf_analyzer ended with exit code 99: error: failed to get model metadata: failed to connect to all "
            "addresses; last error: UNKNOWN: ipv4:127.0.0.1:9: Failed to connect to remote host: Connection refused",
        ),
        (
            "batch_too_large",
            99,
            "perf_analyzer ended with exit code 99: Thread [0] had error: [request id: <id_unknown>] inference request "
            "batch-size must be <= 128 for 'mnist_null'",
        ),
        ("stalled", 3, "no request was answered within a whole window: raise sweep.window_ms"),
    ],
)
def test_failed_gives_the_last_word_as_reason(name, code, reason):
    assert interpret(code, recorded(name), []) == {"status": "failed", "reason": reason}


@pytest.mark.parametrize(
    ("code", "text", "rows", "reason"),
    [
        (None, "Request concurrency: 4\n", 0, "perf_analyzer was stopped: it took too long: Request concurrency: 4"),
        (-11, "", 0, "perf_analyzer was ended by SIGSEGV: no output"),
        (0, "all is well\n", 0, "perf_analyzer ended with exit code 0: all is well"),
        (1, "all is well\n", 1, "perf_analyzer ended with exit code 1: all is well"),
    ],
)
def test_only_exit_code_0_with_one_row_is_a_measurement(code, text, rows, reason):
    row = read_csv(RECORDED / "stable.csv") * rows
    assert interpret(code, text, row) == {"status": "failed", "reason": reason}


@pytest.mark.parametrize(
    ("overhead", "warning", "status"),
    [
        ("1.20", "", "stable"),
        ("50.00", "", "stable"),
        ("50.01", "", "client_bound"),
        ("1.20", DELAYED, "client_bound"),
    ],
)
def test_load_generator_at_its_limit_is_told_apart(overhead, warning, status):
    text = recorded("stable").replace("client overhead: 1.20%", f"client overhead: {overhead}%") + warning
    point = interpret(0, text, read_csv(RECORDED / "stable.csv"))
    assert point["status"] == status
    assert point["throughput"] == STABLE["throughput"]
    assert (point["reason"] == "") == (status == "stable")


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_measuring_a_real_server(null_server, tmp_path, protocol):
    samples = Reference({"input": np.ones((2, 1, 28, 28), np.float32)}, {}, np.zeros(2))
    data = tmp_path / "samples.json"
    data.write_text(inputs.as_json(samples))
    windows = Windows(500, 80, 5, samples=2)
    load, raw, libraries = Load(protocol, 2, 2), tmp_path / "raw", tmp_path / "libraries"
    raw.mkdir()
    libraries.mkdir()
    url = {"grpc": null_server.grpc, "http": null_server.http}[protocol]
    command = perf_analyzer.command("small", url, load, windows, data)
    point = perf_analyzer.measure(command, load, raw, libraries, 60)
    assert point["status"] in ("stable", "unstable"), point
    assert point["throughput"] > 0
    assert point["latency_avg"] > 0
    assert (raw / f"{protocol}_batch2_concurrency2.txt").exists()


def test_hanging_run_is_stopped_and_failed(null_server, tmp_path):
    data = tmp_path / "samples.json"
    data.write_text(inputs.as_json(Reference({"input": np.ones((1, 1, 28, 28), np.float32)}, {}, np.zeros(1))))
    windows = Windows(60_000, 1, 3, samples=2)
    (tmp_path / "libraries").mkdir()
    load = Load("grpc", 1, 1)
    command = perf_analyzer.command("small", null_server.grpc, load, windows, data)
    point = perf_analyzer.measure(command, load, tmp_path, tmp_path / "libraries", 1)
    assert point["status"] == "failed"
    assert point["reason"].startswith("perf_analyzer was stopped: it took too long: ")


def policies_of_load() -> set[int]:
    """The scheduling policies of the threads of our perf_analyzer; none before it has several."""
    for one in psutil.Process().children():
        with suppress(psutil.Error, ProcessLookupError):
            if one.name() == "perf_analyzer" and len(threads := one.threads()) > 1:
                return {os.sched_getscheduler(thread.id) for thread in threads}
    return set()


def test_every_thread_of_the_load_yields_to_the_server(null_server, tmp_path):
    data = tmp_path / "samples.json"
    data.write_text(inputs.as_json(Reference({"input": np.ones((1, 1, 28, 28), np.float32)}, {}, np.zeros(1))))
    (tmp_path / "libraries").mkdir()
    load = Load("grpc", 1, 4)
    command = perf_analyzer.command("small", null_server.grpc, load, Windows(60_000, 1, 3, samples=2), data)
    with ThreadPoolExecutor() as pool:
        measured = pool.submit(perf_analyzer.measure, command, load, tmp_path, tmp_path / "libraries", 10)
        assert wait_for(policies_of_load, "threads of perf_analyzer", 10) == {os.SCHED_BATCH}
        measured.result()
    assert os.sched_getscheduler(null_server.process.pid) == os.SCHED_OTHER


def test_samples_go_out_with_their_own_shapes_and_values():
    arrays = {"image": np.arange(8, dtype=np.float32).reshape(2, 2, 2), "id": np.array([[7], [9]])}
    assert inputs.as_json(Reference(arrays, {}, np.zeros(2))) == (
        '{"data": [{"image": {"content": [0.0, 1.0, 2.0, 3.0], "shape": [2, 2]}, "id": {"content": [7], "shape": [1]}},'
        ' {"image": {"content": [4.0, 5.0, 6.0, 7.0], "shape": [2, 2]}, "id": {"content": [9], "shape": [1]}}]}'
    )


def test_version_is_the_one_that_was_locked(tmp_path):
    assert "2.51" in perf_analyzer.version(tmp_path)


@pytest.mark.parametrize(("calls", "cores", "share"), [(1, 2, 1), (65, 1, 65), (65, 2, 65), (65, 16, 9), (1, 16, 1)])
def test_there_is_one_connection_for_two_cores(calls, cores, share):
    found = perf_analyzer.sharing(Load("grpc", 1, calls), cores)
    assert found == {"TRITON_CLIENT_GRPC_CHANNEL_MAX_SHARE_COUNT": str(share)}
