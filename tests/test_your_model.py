"""docs/your-model.md, followed as a new user would: its files are written, its commands run, from the page alone."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, copy_project

PAGE = (ROOT / "docs" / "your-model.md").read_text()
BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<name>[^\n]+))?\n(?P<text>.*?)^```$", re.M | re.S)


def blocks(section: str) -> Iterator[tuple[str, str]]:
    """Name and text of the blocks below a heading."""
    part = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return ((match["name"] or match["language"], match["text"]) for match in BLOCK.finditer(part))


@dataclass(frozen=True)
class Reader:
    """Who follows the page: the clone, and the own files beside it."""

    clone: Path
    own: Path

    def run(self, command: str, directory: Path | None = None) -> str:
        """What a command of the page prints."""
        # The environment is the one of the tests.
        command = re.sub(r"\S*\.venv/bin/", "", re.sub(r"^make ", "make -o .venv/.main ", command, flags=re.M))
        found = subprocess.run(
            ["bash", "-ec", command], cwd=directory or self.clone, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout + found.stderr

    def follow(self, section: str) -> None:
        """Write the files of a section and run its commands, in order."""
        for name, text in blocks(section):
            if name == "sh":
                self.run(text)
            elif name.startswith("added to "):
                with (self.own / name.removeprefix("added to ")).open("a") as stream:
                    stream.write("\n\n" + text)
            elif "." in name or name == "Snakefile":
                (self.own / name).write_text(text)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Model file and configuration, and a copy of what make new wrote."""
    home = tmp_path_factory.mktemp("home")
    reader = Reader(copy_project(home / "triton-endpoints").root, home / "reviews")
    reader.own.mkdir()
    reader.follow("The model file")
    ((_, command), (config, text)) = blocks("The configuration")
    reader.run(command)
    (reader.own / config).rename(reader.own / "written.yaml")
    (reader.own / config).write_text(text)
    return reader


@pytest.fixture
def reader(start: Reader, tmp_path: Path) -> Reader:
    """The same for a test of its own."""
    shutil.copytree(start.clone, tmp_path / "triton-endpoints")
    shutil.copytree(start.own, tmp_path / "reviews")
    return Reader(tmp_path / "triton-endpoints", tmp_path / "reviews")


@pytest.mark.slow
def test_configuration_is_that_of_make_new_but_for_what_the_page_says(start):
    written, shown = (yaml.safe_load((start.own / name).read_text()) for name in ("written.yaml", "reviews.yaml"))
    assert (start.clone / shown["model"].pop("file")).resolve() == Path(written["model"].pop("file")).resolve()
    # Axes, what outputs mean, bounds, variants and the sweep are the page's.
    for tensor in written["model"]["inputs"]:
        assert tensor["dims"] == [16]
        tensor["dims"] = ["tokens"]
    for tensor in shown["model"]["outputs"]:
        assert tensor.pop("scores")
    del written["profile"], written["variants"], shown["profile"], shown["variants"], shown["sweep"]
    assert written == shown


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_run_ends_with_a_report(reader):
    reader.follow("Run it")
    run = reader.clone / "artifacts" / "reviews"
    assert (run / "report" / "perf_report.html").stat().st_size > 100_000
    with (run / "report" / "perf_summary.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    levels = {(row["variant"], row["shape"], row["concurrency"]) for row in rows}
    shapes = ["input_ids:16,attention_mask:16", "input_ids:64,attention_mask:64"]
    assert levels == {(v, s, c) for v in ("openvino", "onnx", "null") for s in shapes for c in ("1", "8")}
    assert {row["accuracy"] for row in rows} == {""}
    for variant in ("openvino", "onnx", "null"):
        health = json.loads((run / "health" / f"{variant}.json").read_text())
        assert health["healthy"], health
    parity = json.loads((run / "export" / "parity.json").read_text())
    assert all(one["max_abs_error"] < 1e-4 for export in parity["exports"].values() for one in export.values())


@pytest.mark.slow
def test_training_and_metrics(reader):
    reader.follow("A data set, and training")
    reader.follow("Further figures")
    reader.run("snakemake --cores 2 train --configfile ../reviews/reviews.yaml ../reviews/trained.yaml")
    metrics = json.loads((reader.clone / "artifacts" / "reviews-trained" / "model" / "metrics.json").read_text())
    assert metrics["weights"] == "trained"
    assert metrics["accuracy"] > 0.8
    planned = reader.run("snakemake -n perf_report --configfile ../reviews/reviews.yaml ../reviews/trained.yaml")
    assert re.search(r"^perf_report +1$", planned, re.M)


@pytest.mark.slow
def test_module_of_another_snakefile(reader):
    """From another directory: planned to its end, and one job run."""
    reader.follow("In a Snakefile of your own")
    ((_, _), (where, command)) = blocks("In a Snakefile of your own")
    assert where == "in reviews"
    planned = reader.run(f"{command.strip()} --dry-run", reader.own)
    assert re.search(r"^fastest +1$", planned, re.M)
    assert re.search(r"^sweep +3$", planned, re.M)
    reader.run(f"{command.strip()} train", reader.own)
    metrics = json.loads((reader.own / "artifacts" / "reviews" / "model" / "metrics.json").read_text())
    assert metrics["weights"] == "as built"
    assert not (reader.clone / "artifacts" / "reviews").exists()
