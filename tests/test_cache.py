"""Two clones with one cache: the second gets what the first made, and trains nothing."""

import re

import pytest

from conftest import FULL, copy_project

RUN = "artifacts/test"
# One file of every rule that may be cached.
CACHED = {
    "dataset": "dataset/test.npz",
    "train": "model/model.pt",
    "export": "export/model.onnx",
    "engine_tensorrt_rtx": "engine/tensorrt_rtx/model.engine",
}
TARGETS = [f"{RUN}/{path}" for path in CACHED.values()]


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    """Two copies of the project, what Snakemake said when each ran with the same cache, and the cache."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "overlay.yaml").write_text("train: {epochs: 1, min_accuracy: 0.5}\n")
    projects = [copy_project(tmp_path_factory.mktemp("clone") / "project") for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(cache))
        for one in projects:
            one.snakemake(*TARGETS, "--cores", "2", "--cache", configfiles=(FULL, cache / "overlay.yaml"))
    said = ["".join(log.read_text() for log in one.root.glob(".snakemake/log/*.log")) for one in projects]
    return projects, said, cache


def test_second_clone_makes_nothing_and_says_so(clones):
    projects, said, cache = clones
    for path in TARGETS:
        assert f"Moving output file {path} to cache." in said[0]
        assert f"Symlinking output file {path} from cache." in said[1]
        assert (projects[1].root / path).resolve() == (projects[0].root / path).resolve()
        assert (projects[1].root / path).resolve().parent == cache
    assert "to cache." not in said[1]
    # No script ran: it would have written to its log.
    assert {path.stat().st_size for path in (projects[1].root / RUN / "logs").rglob("*.log")} == {0}


def test_run_of_another_name_gets_what_the_first_made(clones, monkeypatch):
    projects, _, cache = clones
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(cache))
    (cache / "named.yaml").write_text("run: another\n")
    targets = [path.replace(RUN, "artifacts/another") for path in TARGETS]
    overlays = (FULL, cache / "overlay.yaml", cache / "named.yaml")
    projects[0].snakemake(*targets, "--cores", "2", "--cache", configfiles=overlays)
    for path, other in zip(TARGETS, targets):
        assert (projects[0].root / other).resolve() == (projects[0].root / path).resolve()


def test_leaving_the_cache_out_later_reruns_nothing(clones):
    projects, _, cache = clones
    for one in projects:
        assert one.planned(*TARGETS, configfiles=(FULL, cache / "overlay.yaml")) == set()


@pytest.mark.parametrize(
    ("name", "old", "new", "known"),
    [
        pytest.param("README.md", "", "\n", set(CACHED), id="nothing that counts"),
        pytest.param("workflow/scripts/train.py", "", "# A remark.\n", {"dataset"}, id="code"),
        pytest.param(
            "workflow/scripts/export.py", "", "# A remark.\n", {"dataset", "train"}, id="code of a later rule"
        ),
        pytest.param("envs/main.txt", "\ntorch==", "\ntorch==9", set(), id="library"),
        pytest.param("overlay.yaml", "epochs: 1", "epochs: 2", {"dataset"}, id="settings"),
    ],
)
def test_third_clone_finds_what_no_change_touches(clones, monkeypatch, tmp_path, name, old, new, known):
    """A dry run says for each file whether the cache has it."""
    _, _, cache = clones
    project = copy_project(tmp_path / "project")
    (project.root / "overlay.yaml").write_text((cache / "overlay.yaml").read_text())
    text = (project.root / name).read_text()
    (project.root / name).write_text(text.replace(old, new, 1) if old else text + new)
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(cache))
    ended = project.snakemake(*TARGETS, "-n", "--cache", configfiles=(FULL, "overlay.yaml"))
    found = re.findall(rf"Output file {RUN}/(\w+)/(\S+) will be obtained from global", ended.stdout + ended.stderr)
    # It names one file of each job; references are made for themselves.
    stages = {stage for stage, file in found if not file.startswith("reference")}
    assert stages == {CACHED[rule].split("/")[0] for rule in known}
