"""The manifest of a run, its RO-Crate, and what verify finds; two fresh runs give the same bytes."""

import hashlib
import json
import shutil

import pytest
from rocrate.rocrate import ROCrate

import manifest
from conftest import FULL, TARGETS, Project, copy_project
from plan.origin import MANIFEST
from program.files import checksum

# Files that say how long their making took (docs/reruns.md).
TIMED = ("metrics.json", "engine.json")
# AOTInductor writes paths of its temporary directory and random numbers into its package.
NEVER_THE_SAME = ("model.pt2",)


@pytest.fixture(scope="module")
def own(finished_run, tmp_path_factory):
    """A copy of the finished run that these tests may spoil."""
    return Project(shutil.copytree(finished_run.root, tmp_path_factory.mktemp("own") / "project", symlinks=True))


def read(path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def found(finished_run):
    return read(finished_run.root / "artifacts" / "test" / MANIFEST)


def test_manifest_has_the_checksum_of_every_output(finished_run, found):
    run = finished_run.root / "artifacts" / "test"
    listed = {path for path, one in found["files"].items()}
    outputs = {output for job in found["jobs"] for output in job["outputs"]}
    assert {"model/model.pt", "report/perf_report.html", "repository/openvino/mnist_openvino/config.pbtxt"} <= listed
    assert outputs == {row["output_file"] for row in finished_run.summary("perf_report", configfiles=(FULL,))}
    for name, one in found["files"].items():
        data = (run / name).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (one["sha256"], one["bytes"])


def test_manifest_says_what_each_file_was_made_from(found):
    jobs = {job["rule"]: job for job in found["jobs"]}
    model = "artifacts/test/model/model.pt"
    assert jobs["export"]["inputs"][model] == jobs["train"]["outputs"][model]
    assert "workflow/scripts/export.py" in jobs["export"]["inputs"]
    assert "; exec python3 workflow/scripts/export.py --" in jobs["export"]["command"]
    assert "--cores 6 perf_report" in found["command"]
    # The copy is no checkout.
    assert found["git"] == {}


def test_crate_can_be_read_and_tells_the_same(finished_run, found):
    crate = ROCrate(finished_run.root / "artifacts" / "test")
    files = {entity.id: entity["sha256"] for entity in crate.get_by_type("File")}
    assert {name: one["sha256"] for name, one in found["files"].items()}.items() <= files.items()
    actions = crate.get_by_type("CreateAction")
    assert sorted(action["name"] for action in actions) == sorted(job["rule"] for job in found["jobs"])
    export = next(action for action in actions if action["name"] == "export")
    assert "model/model.pt" in [one.id for one in export["object"]]
    assert "export/model.onnx" in [one.id for one in export["result"]]
    assert export["startTime"] < export["endTime"]


def times(run):
    """When each output was written, by its path; logs, benchmarks and what every run writes at its end left out."""
    ends = ("logs/", "benchmarks/", str(MANIFEST), str(manifest.CRATE))
    found = {str(path.relative_to(run)): path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    return {name: time for name, time in found.items() if not name.startswith(ends)}


@pytest.mark.slow
def test_retraining_to_the_same_bits_stops_there(own):
    """In the next invocation: Snakemake plans before it trains."""
    model = own.root / "artifacts" / "test" / "model" / "model.pt"
    metrics = model.with_name("metrics.json")
    before, took = model.read_bytes(), metrics.read_bytes()
    with (own.root / "workflow" / "scripts" / "train.py").open("a") as stream:
        stream.write("# Another version, the same result.\n")
    assert "export/model.onnx" in own.planned(*TARGETS, configfiles=(FULL,))
    own.snakemake("train", "--cores", "2", configfiles=(FULL,))
    assert model.read_bytes() == before
    # metrics.json says how long it took, to a tenth of a second, and the report shows that.
    report = {f"report/{name}" for name in ("perf_report.html", "perf_summary.csv", "perf_summary.json")}
    judged = {"model/accepted.json", *report}
    assert own.planned(*TARGETS, configfiles=(FULL,)) == (set() if metrics.read_bytes() == took else judged)


def test_another_opt_shape_writes_what_was_planned_and_nothing_else(own):
    (own.root / "opt.yaml").write_text("profile: {opt: input:32x1x28x28}\n")
    run = own.root / "artifacts" / "test"
    targets, configfiles = ("engines", "artifacts/test/export/parity.json"), (FULL, "opt.yaml")
    planned = own.planned(*targets, configfiles=configfiles)
    before = times(run)
    own.snakemake(*targets, "--cores", "2", configfiles=configfiles)
    after = times(run)
    assert {"engine/openvino/model.blob", "export/parity.json"} <= planned
    assert {name for name in after if after[name] != before.get(name)} == planned


def verify(project, command):
    return command.at(project.root)("verify", "--configfile", FULL)


def test_verify_names_what_differs(finished_run, tmp_path, command):
    own = Project(shutil.copytree(finished_run.root, tmp_path / "project"))
    run = own.root / "artifacts" / "test"
    whole = verify(own, command)
    assert (whole.returncode, whole.stderr.count("\n")) == (0, 1), whole.stderr
    with (run / "export" / "model.onnx").open("ab") as stream:
        stream.write(b"\0")
    (run / "model" / "metrics.json").unlink()
    with (own.root / "workflow" / "scripts" / "sweep.py").open("a") as stream:
        stream.write("# Another version.\n")
    spoilt = verify(own, command)
    assert spoilt.returncode == 2
    lines = spoilt.stderr.splitlines()
    assert lines[:3] == [
        "artifacts/test/export/model.onnx has changed",
        "artifacts/test/model/metrics.json is missing",
        "workflow/scripts/sweep.py has changed",
    ]
    assert lines[3].startswith("verify.py: error: 3 of ")
    assert len(lines) == 4


def test_verify_without_a_manifest(project, command):
    found = verify(project, command)
    assert found.returncode == 2
    assert found.stderr.startswith("verify.py: error: artifacts/test/provenance/manifest.json does not exist. Hint: ")


def test_partial_run_keeps_what_the_manifest_says_of_the_rest():
    old = [{"outputs": {"a": "1", "b": "2"}}, {"outputs": {"c": "3"}}, {"outputs": {__file__: "4"}}]
    now = [{"outputs": {"b": "5"}}]
    # The first was made anew, the second is gone.
    assert manifest.kept(old, now) == old[2:]


def test_directory_has_the_checksum_of_its_files(tmp_path):
    (tmp_path / "one" / "inner").mkdir(parents=True)
    (tmp_path / "one" / "inner" / "file").write_text("content")
    (tmp_path / "one" / ".snakemake_timestamp").touch()
    # Another Triton, or a program that imports a runtime, leaves it.
    (tmp_path / "one" / "__pycache__").mkdir()
    (tmp_path / "one" / "__pycache__" / "runtime.cpython-311.pyc").touch()
    content = hashlib.sha256(b"content").hexdigest()
    expected = hashlib.sha256(f"{content}  inner/file\n".encode()).hexdigest()
    assert checksum(tmp_path / "one") == expected
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert checksum(tmp_path / "two") == expected


@pytest.mark.slow
def test_two_fresh_runs_give_the_same_files(found, tmp_path):
    """Up to and including the engines, wherever they lie."""
    own = copy_project(tmp_path / "another" / "project")
    own.snakemake("engines", "--cores", "2", configfiles=(FULL,))
    again = read(own.root / "artifacts" / "test" / MANIFEST)["files"]
    assert {"model/model.pt", "export/model.onnx", "engine/openvino/model.blob"} <= set(again)
    differ = {path for path, one in again.items() if found["files"][path]["sha256"] != one["sha256"]}
    # Two builds may happen to take the same number of milliseconds.
    assert {path for path in differ if not path.endswith(TIMED)} == {
        path for path in again if path.endswith(NEVER_THE_SAME)
    }
