"""When the jobs of a run ran, by their logs."""

import re
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


def test_a_clock_that_is_set_changes_no_duration(tmp_path):
    """Back by an hour, and on by a day; a job that failed meanwhile took no time, and never less."""
    lines = "2026-11-24 06:00:00,000 DEBUG a.py\n{} DEBUG done in 4.500 s; 1.0 s of processor time, at most 9 MB\n"
    (tmp_path / "back.log").write_text(lines.format("2026-11-24 05:00:04,500"))
    (tmp_path / "on.log").write_text(lines.format("2026-11-25 06:00:04,500"))
    (tmp_path / "failed.log").write_text(lines.format("2026-11-24 05:00:04,500").replace("done in", "failed"))
    found = {job["job"]: job["seconds"] for job in job_times.jobs(tmp_path)}
    assert found == {"back": 4.5, "on": 4.5, "failed": 0.0}


def test_job_says_how_long_it_took(script, tmp_path):
    (tmp_path / "metrics.json").write_text('{"accuracy": 1.0}')
    files = ("--metrics", "metrics.json", "--accepted", "accepted.json", "--log", "logs/accept.log")
    assert script("accept.py", *files, settings={"min_accuracy": 0.5}).returncode == 0
    log = tmp_path / "logs" / "accept.log"
    (seconds,) = re.findall(r"done in (\d+\.\d{3}) s; ", log.read_text())
    # Whatever the clock said meanwhile.
    log.write_text(re.sub(r"^....", "2020", log.read_text(), count=1))
    assert [job["seconds"] for job in job_times.jobs(log.parent)] == [float(seconds)]


def test_pauses_between_invocations_have_no_place_in_the_timeline():
    found = [
        {"job": name, "started": f"2026-11-24T06:{minute:02}:00+00:00", "seconds": seconds}
        for name, minute, seconds in (("one", 0, 30.0), ("two", 1, 50.0), ("three", 10, 5.0), ("four", 11, 5.0))
    ]
    # Between the end of the second job and the third lie eight minutes; thirty and 55 seconds are kept.
    assert timeline.offsets(found) == [0.0, 60.0, 110.0, 170.0]


def test_without_a_log_there_is_no_timeline():
    assert timeline.view({"timeline": []}) is None
