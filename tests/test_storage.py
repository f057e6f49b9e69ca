"""Results held by a storage provider: the whole run with Snakemake's plugin `fs`, which keeps them in a directory."""

import csv
import importlib.util
import os
import re

import pytest
import yaml

from conftest import DEFAULT, FULL, ROOT, TARGETS, copy_project, merged
from expected import expected_outputs
from program.files import sha256

SHORT = {"variants": ["openvino", "null"], "sweep": {"concurrencies": [1]}, "serving": {"backend": "python"}}


@pytest.fixture(scope="module")
def stored(needs, tmp_path_factory):
    """A project whose results are in a store; on the node there were only the copies that each job worked with."""
    needs("rsync")
    if importlib.util.find_spec("snakemake_storage_plugin_fs") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("not installed: snakemake-storage-plugin-fs")
    project = copy_project(tmp_path_factory.mktemp("stored") / "project")
    (project.root / "short.yaml").write_text(yaml.safe_dump(SHORT))
    store = project.root.parent / "store"
    options = ("--default-storage-provider", "fs", "--default-storage-prefix", str(store))
    options += ("--local-storage-prefix", str(project.root.parent / "scratch"))
    found = project.snakemake(*TARGETS, "--cores", "4", *options, configfiles=(FULL, "short.yaml"))
    return project, store, options, found


def test_run_with_a_storage_provider(stored):
    project, store, _, found = stored
    assert f"Results: {store}/artifacts/test, without a manifest" in found.stderr
    run = store / "artifacts" / "test"
    config = merged(merged(DEFAULT, yaml.safe_load((ROOT / FULL).read_text())), SHORT)
    assert {name for name in expected_outputs(config) if not (run / name).exists()} == set()
    # Nothing beside it took the place of a result.
    left = [path for path in (project.root / "artifacts").rglob("*") if path.is_file() and path.name != "README.md"]
    assert left == []
    with (run / "perf" / "openvino" / "repeat-1" / "points.csv").open() as stream:
        assert [row["status"] for row in csv.DictReader(stream)] == ["stable"]


def test_stored_files_are_those_of_a_run_without_a_store(stored, finished_run):
    run = stored[1] / "artifacts" / "test"
    local = finished_run.root / "artifacts" / "test"
    for name in ("dataset/train.npz", "model/model.pt", "export/model.onnx", "engine/openvino/model.blob"):
        assert sha256(run / name) == sha256(local / name), name


def test_jobs_that_do_not_see_the_clone_are_refused(stored):
    """Snakemake would run them itself, all of them, and say nothing."""
    project, _, options, _ = stored
    found = project.snakemake(
        *("train", "--executor", "slurm", "--jobs", "1", "--forcerun", "train"),
        *("--shared-fs-usage", "persistence", "sources", "source-cache", *options),
        configfiles=(FULL, "short.yaml"), check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert "Hint: leave only storage-local-copies out of it" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        pytest.param({}, set(), id="nothing"),
        pytest.param(
            {"healthcheck": {"min_accuracy": 0.5}}, {"judgement", "provenance", "perf_report"}, id="another bound"
        ),
    ],
)
def test_stored_results_rerun_exactly(stored, tmp_path, change, jobs):
    project, _, options, _ = stored
    (tmp_path / "change.yaml").write_text(yaml.safe_dump(change))
    found = project.snakemake("-n", *TARGETS, *options, configfiles=(FULL, "short.yaml", tmp_path / "change.yaml"))
    assert set(re.findall(r"^(\w+) +\d+$", found.stdout, re.MULTILINE)) - {"total"} == jobs
