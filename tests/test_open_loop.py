"""Requests at a rate: the schedule, and latencies counted from when a request was due.

tests/data/open_loop: profile exports of perf_analyzer 2.51 at 300 requests/s against a model that computes nothing, on
a busy machine; of each request the times alone.
"""

import json

import numpy as np
import pytest

from conftest import ROOT
from plan.loads import Load
from record.open_loop import figures, schedule, times

RECORDED = ROOT / "tests" / "data" / "open_loop"
RATE = Load("grpc", 1, load_mode="constant", request_rate=100.0)
MS = 1_000_000


def at_rate(mode, rate=300.0):
    return Load("grpc", 1, load_mode=mode, request_rate=rate)


def recorded(mode):
    return json.loads((RECORDED / f"{mode}300.json").read_text())


def export(sent, latencies, windows):
    """A profile export; all in milliseconds."""
    requests = [
        {"timestamp": round(start * MS), "response_timestamps": [round((start + latency) * MS)]}
        for start, latency in zip(sent, latencies)
    ]
    return {"experiments": [{"requests": requests, "window_boundaries": [round(one * MS) for one in windows]}]}


def due(count):
    """When the requests of RATE are due, in milliseconds."""
    return np.arange(1, count + 1) * 10.0


def lateness(sent, due_ns):
    """How late most of the requests left, in milliseconds: the 30 % that were least late, on a busy machine."""
    late = sent - due_ns
    return np.quantile(late - late.min(), 0.3) / MS


@pytest.mark.parametrize("mode", ["constant", "poisson"])
def test_schedule_is_the_one_that_perf_analyzer_follows(mode):
    sent, _, _ = times(recorded(mode))
    assert lateness(sent, schedule(at_rate(mode), len(sent))) < 3


def test_a_poisson_schedule_that_is_off_by_one_request_does_not_fit():
    sent, _, _ = times(recorded("poisson"))
    assert lateness(sent, schedule(at_rate("poisson"), len(sent) + 1)[1:]) > 10


def test_poisson_schedule_keeps_its_rate_and_its_randomness():
    intervals = np.diff(schedule(at_rate("poisson", 50.0), 20_000)) / 1e9
    assert intervals.mean() == pytest.approx(1 / 50, rel=0.02)
    assert intervals.std() == pytest.approx(1 / 50, rel=0.02)


def test_latency_counts_from_when_a_request_was_due():
    """A client that stalls for 300 ms sends 30 requests late; each is answered in 1 ms once it is sent."""
    sent = due(300)
    stalled = (sent > 2000) & (sent < 2300)
    sent[stalled] = 2300
    found = figures(export(sent, [1.0] * 300, [0, 1000, 2000, 3001]), RATE, slo_ms=50)
    assert found["latency_p50"] == pytest.approx(1000)
    assert found["latency_p99"] == pytest.approx(261_100, rel=0.001)
    assert found["send_delay_p99"] == pytest.approx(260_100, rel=0.001)
    # 25 of the 29 late ones were due more than 49 ms before they left.
    assert found["slo_met"] == pytest.approx(1 - 25 / 295, abs=0.003)


def test_requests_without_an_answer_have_missed_the_objective():
    """A server that stops answering at 2 s: what was due later is judged although it is not in the export."""
    found = figures(export(due(200), [5.0] * 200, [0, 1000, 2000, 3000]), RATE, slo_ms=50)
    assert found["slo_met"] == pytest.approx(200 / 295, abs=0.01)
    assert found["latency_p50"] == pytest.approx(5000)


def test_only_the_last_three_windows_count():
    latencies = [500.0] * 200 + [2.0] * 300
    found = figures(export(due(500), latencies, [0, 1000, 2005, 3000, 4000, 5000]), RATE, slo_ms=50)
    assert found["slo_met"] == 1
    assert found["latency_p99"] == pytest.approx(2000)


def test_recorded_run_on_a_busy_machine():
    """perf_analyzer's own p99 of this point was 48.7 ms, and it said that it sent 8.5 % of the requests late."""
    found = figures(recorded("poisson"), at_rate("poisson"), slo_ms=20)
    assert found["latency_p99"] > 60_000
    assert found["send_delay_p99"] > 40_000
    assert 0.5 < found["slo_met"] < 0.9
