"""When the jobs of a run ran, by their logs."""

from datetime import datetime

from analyse import job_times
from show import timeline


def test_timeline_from_the_logs_of_jobs(tmp_path):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "train.log").write_text("2026-11-24 06:00:01,500 DEBUG train.py\n2026-11-24 06:00:41,000 DEBUG done\n")
    (tmp_path / "sweep" / "null-1.log").write_text("2026-11-24 06:00:40,000 DEBUG sweep.py\nTraceback\n")
    (tmp_path / "sweep" / "null-1.server.log").write_text("I1124 06:00:40 server.cc:1] ready\n")
    found = job_times.jobs(tmp_path)
    assert [(job["job"], job["seconds"]) for job in found] == [("train", 39.5), ("sweep/null-1", 0.0)]
    started = datetime.fromisoformat(found[0]["started"])
    assert started.replace(tzinfo=None) == datetime(2026, 11, 24, 6, 0, 1, 500_000)
    assert started.tzinfo is not None


def test_pauses_between_invocations_have_no_place_in_the_timeline():
    found = [
        {"job": name, "started": f"2026-11-24T06:{minute:02}:00+00:00", "seconds": seconds}
        for name, minute, seconds in (("one", 0, 30.0), ("two", 1, 50.0), ("three", 10, 5.0), ("four", 11, 5.0))
    ]
    # Between the end of the second job and the third lie eight minutes; thirty and 55 seconds are kept.
    assert timeline.offsets(found) == [0.0, 60.0, 110.0, 170.0]


def test_without_a_log_there_is_no_timeline():
    assert timeline.view({"timeline": []}) is None
