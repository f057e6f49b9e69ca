"""Training gives the same bytes for the same seed, and a model.pt that others can trust."""

import gzip
import json
import os
import struct

import numpy as np
import pytest
import torch

from conftest import DEFAULT, ROOT, TRAIN
from program.files import sha256

MODEL_FILE = ROOT / DEFAULT["model"]["file"]


@pytest.fixture
def train(script, dataset_files, tmp_path):
    """Run train.py; gives the finished process and the directory of its outputs."""

    def run(name, **changed):
        directory = tmp_path / name
        found = script(
            "train.py", "--model-file", MODEL_FILE, "--train", dataset_files / "train.npz",
            "--test", dataset_files / "test.npz", "--model", directory / "model.pt",
            "--metrics", directory / "metrics.json", settings=TRAIN | changed,
        )  # fmt: skip
        return found, directory

    return run


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_gives_the_same_bytes(train, threads):
    digests = set()
    for name in ("one", "two"):
        found, directory = train(name, threads=threads)
        assert found.returncode == 0, found.stderr
        digests.add(sha256(directory / "model.pt"))
    assert len(digests) == 1


@pytest.mark.slow
def test_other_seed_gives_other_weights(train, checkpoint):
    found, directory = train("other", seed=TRAIN["seed"] + 1)
    assert found.returncode == 0, found.stderr
    assert sha256(directory / "model.pt") != sha256(checkpoint)


def test_model_and_metrics(checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    assert set(content) == {"state_dict", "model_file", "arguments"}
    metrics = json.loads((checkpoint.parent / "metrics.json").read_text())
    assert metrics["parameters"] == sum(tensor.numel() for tensor in content["state_dict"].values())
    assert (metrics["train_samples"], metrics["test_samples"]) == (200, 200)
    assert (metrics["seed"], metrics["epochs"]) == (TRAIN["seed"], 1)
    assert 0 <= metrics["accuracy"] <= 1
    assert metrics["loss"] > 0


def test_too_low_an_accuracy_ends_with_one_line(checkpoint, script, tmp_path):
    metrics = checkpoint.parent / "metrics.json"
    given = ("--metrics", metrics, "--accepted", "accepted.json")
    assert script("accept.py", *given, settings={"min_accuracy": 0}).returncode == 0
    assert (tmp_path / "accepted.json").exists()
    (tmp_path / "accepted.json").unlink()
    found = script("accept.py", *given, settings={"min_accuracy": 1})
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    (line,) = [line for line in found.stderr.splitlines() if "error:" in line]
    assert line.startswith("accept.py: error: accuracy 0.")
    assert "is below train.min_accuracy 1. Hint: train for more epochs, or lower train.min_accuracy" in line
    assert not (tmp_path / "accepted.json").exists()


@pytest.fixture
def idx_files(dataset_files, tmp_path):
    """The test split as IDX files: gzipped images and plain labels."""
    with np.load(dataset_files / "test.npz") as data:
        images, labels = data["images"], data["labels"]
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, *images.shape)
    (tmp_path / "images.gz").write_bytes(gzip.compress(header + images.tobytes()))
    (tmp_path / "labels").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, len(labels)) + labels.tobytes())
    return ["--images", tmp_path / "images.gz", "--labels", tmp_path / "labels"]


@pytest.mark.slow
def test_evaluate_says_the_same_on_both_formats(command, checkpoint, dataset_files, idx_files):
    on_npz = command("evaluate", "--model", checkpoint, "--dataset", dataset_files / "test.npz", "--json")
    on_idx = command("evaluate", "--model", checkpoint, *idx_files, "--json")
    assert (on_npz.returncode, on_idx.returncode) == (0, 0), on_npz.stderr + on_idx.stderr
    assert on_npz.stdout == on_idx.stdout
    found = json.loads(on_npz.stdout)
    metrics = json.loads((checkpoint.parent / "metrics.json").read_text())
    assert found == {
        "accuracy": metrics["accuracy"], "errors": round(200 * (1 - metrics["accuracy"])), "samples": 200,
    }  # fmt: skip


def test_evaluate_in_words(command, checkpoint, idx_files):
    found = command("evaluate", "--model", checkpoint, *idx_files)
    accuracy = json.loads((checkpoint.parent / "metrics.json").read_text())["accuracy"]
    assert found.stdout == f"accuracy {accuracy:.2%} on 200 samples ({round(200 * (1 - accuracy))} errors)\n"


def test_evaluate_without_data(command, checkpoint):
    found = command("evaluate", "--model", checkpoint)
    assert found.returncode == 2
    assert found.stderr == "evaluate.py: error: no data set given. Hint: --images and --labels, or --dataset\n"


def test_evaluate_with_fewer_labels_than_images(command, checkpoint, idx_files, tmp_path):
    (tmp_path / "labels").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 3) + b"\1\2\3")
    found = command("evaluate", "--model", checkpoint, *idx_files)
    assert found.returncode == 2
    assert found.stderr.endswith("images.gz holds 200 images, " + str(tmp_path / "labels") + " 3 labels.\n")


class Code:
    """Unpickles to a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_model_with_code_in_it_is_refused_and_not_run(command, dataset_files, tmp_path):
    torch.save({"state_dict": {}, "model_file": Code(f"touch {tmp_path}/ran")}, tmp_path / "model.pt")
    found = command("evaluate", "--model", tmp_path / "model.pt", "--dataset", dataset_files / "test.npz")
    assert found.returncode == 2
    assert found.stderr.startswith(f"evaluate.py: error: {tmp_path}/model.pt is not a model.pt of this workflow")
    assert "Traceback" not in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "ran").exists()


def test_missing_model(command, dataset_files, tmp_path):
    found = command("evaluate", "--model", tmp_path / "model.pt", "--dataset", dataset_files / "test.npz")
    assert found.returncode == 2
    assert found.stderr == (
        f"evaluate.py: error: {tmp_path}/model.pt does not exist. "
        "Hint: make perf_report makes artifacts/<run>/model/model.pt\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def prepare(images): ...", "has no function build. Hint: workflow/scripts/model/interface.py describes it"),
        ("build = 1\nprepare = len", "has no function build."),
        ("def build(): ...", "has no function prepare."),
    ],
)
def test_model_file_that_lacks_a_function(tmp_path, text, message):
    from model.source import load_file
    from program.cli import UserError

    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(UserError, match=rf"mine\.py {message}"):
        load_file(tmp_path / "mine.py", "build", "prepare")
