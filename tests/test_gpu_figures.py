"""Figures of a GPU on their way from perf_analyzer's CSV to the page, and the page of a run without them."""

from typing import Any

import numpy as np
import pytest

from conftest import ROOT
from model.reference import Reference
from plan.loads import Load, Windows
from record import inputs, perf_analyzer
from record.perf_analyzer import interpret, read_csv
from report_sample import TEMPLATE, repeats, sample_document
from show.page import render

# One CSV of perf_analyzer 2.51, recorded with a metrics endpoint that had two GPUs; one without.
RECORDED = ROOT / "tests" / "data" / "perf_analyzer"
WINDOWS = Windows(window_ms=300, stability_percent=1000, max_windows=3, samples=2)
USED = {"gpu_utilization": 0.42, "gpu_power": 123.456, "gpu_memory": 1234567168.0}


def of_gpu(point: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in point.items() if name.startswith("gpu_")}


@pytest.mark.parametrize(("name", "figures"), [("gpu", USED), ("stable", {})])
def test_figures_are_those_of_the_gpu_that_was_used_most(name, figures):
    output = (RECORDED / "stable.txt").read_text()
    assert of_gpu(interpret(0, output, read_csv(RECORDED / f"{name}.csv"))) == figures


@pytest.fixture
def measure(null_server, tmp_path):
    """Measure a real server that has no GPU, with its metrics or those of an address."""

    def run(url: str) -> dict[str, Any]:
        data, libraries = tmp_path / "samples.json", tmp_path / "libraries"
        data.write_text(inputs.as_json(Reference({"input": np.ones((1, 1, 28, 28), np.float32)}, {}, np.zeros(1))))
        libraries.mkdir()
        load = Load("grpc", 1, 1)
        command = perf_analyzer.command("small", null_server.grpc, load, WINDOWS, data, url)
        return perf_analyzer.measure(command, load, tmp_path, libraries, 60)

    return run


def test_server_without_a_gpu_has_no_figures_of_one(measure, null_server):
    point = measure(null_server.metrics)
    assert point["throughput"] > 0
    assert of_gpu(point) == {}


def test_dead_metrics_endpoint_fails_the_point(measure):
    point = measure("127.0.0.1:9/metrics")
    assert point["status"] == "failed"
    assert point["reason"].endswith("Unable to connect to Metrics endpoint 127.0.0.1:9/metrics")


def test_page_shows_them_where_there_are_any():
    table = repeats()
    table.loc[table["variant"] == "fast", list(USED)] = list(USED.values())
    document = sample_document(table)
    found = {row["variant"] for row in document["rows"] if row["gpu_utilization"] is not None}
    assert found == {"fast"}
    page = render(document, TEMPLATE)
    section = page[page.index("The GPU while it was measured</h2>") :]
    section = section[: section.index("</section>")]
    assert section.count("<tr>") == 1 + sum(row["variant"] == "fast" for row in document["rows"])
    assert "42 %</td>" in section
    assert "123</td>" in section
    assert "1.1 GiB</td>" in section


def test_page_without_a_gpu_does_not_mention_it():
    assert "The GPU while it was measured" not in render(sample_document(), TEMPLATE)


def test_page_says_which_model_runs_without_cuda_graphs():
    document = sample_document()
    said = "CUDA graphs are off for sample_fast: operation not permitted"
    document["health"]["fast"]["remarks"] = [said]
    assert said in render(document, TEMPLATE)
