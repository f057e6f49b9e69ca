"""A model with a dynamic axis in the report: several shapes, its own metrics, and an accuracy that is not defined."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from analyse import metrics, tables
from analyse import summary as summary_of
from analyse.document import document
from analyse.growth import growth
from browsers import accessibility_violations, chromium, drawn, fits, view
from model.reference import Reference
from model.samples import of_shape
from model.signature import Tensor
from program.cli import UserError
from record import points
from record.points import CEILING
from report_sample import TEMPLATE, compared, healthy, measured, other_records
from show import limits, sizes
from show.page import render

SHAPES = ("spec:80x40", "spec:80x140", "spec:80x300")
FRAMES = {shape: int(shape.rpartition("x")[2]) for shape in SHAPES}
# Milliseconds of a request: a fixed part, and one for each frame.
# Samples per second of a model without a server, at each shape.
LIMITS = {("openvino", shape): 100_000.0 / frames for shape, frames in FRAMES.items()}
COST = {"openvino": (0.2, 0.05), "onnx": (4.0, 0.05), CEILING: (0.5, 0.002)}


def real_time_factor(shapes: dict[str, list[int]], throughput: float) -> dict[str, float]:
    """Seconds of speech per second, as of HiFi-GAN."""
    return {"real_time_factor": throughput * shapes["spec"][-1] * 256 / 22_050}


def repeats() -> pd.DataFrame:
    """Two repeats of every point at every shape."""
    rows = []
    for variant, (fixed, per_frame) in COST.items():
        for repeat, factor in ((1, 1.0), (2, 1.03)):
            for shape, frames in FRAMES.items():
                milliseconds = fixed + per_frame * frames
                for concurrency, speed in ((1, 1000 / milliseconds), (4, 1900 / milliseconds)):
                    changes = {"repeat": repeat, "shape": shape}
                    if concurrency == 1:
                        spent = 1000 * milliseconds
                        changes |= {"latency_avg": spent, "latency_p50": spent, "server_queue": 0.0}
                        changes |= {"server_compute_infer": 1000 * per_frame * frames}
                        changes |= {"server_compute_input": 0.0, "server_compute_output": 0.0}
                    rows.append(measured(variant, concurrency, speed * factor, **changes))
    return pd.DataFrame(rows)


def undefined(variant: str) -> dict[str, Any]:
    """The health check of a variant whose outputs are a signal, on samples without labels."""
    parity = compared(2e-6, 3e-6, None)
    found = healthy(variant)
    protocol = found["protocols"]["grpc"] | {"parity": {"1": parity, "8": parity}, "accuracy": None}
    return {**found, "accuracy": None, "protocols": {"grpc": protocol, "http": protocol}}


def several_shapes() -> dict[str, Any]:
    """The document of a run of a vocoder, without a data set."""
    table, health = repeats(), {variant: undefined(variant) for variant in COST}
    summary = summary_of.summarise(table, dict.fromkeys(COST), LIMITS)
    summary = metrics.added(summary, real_time_factor, "spec:80x140", Path("hifigan.py"))
    records = other_records()
    records["config"] |= {
        "run": "hifigan",
        "model": {"name": "hifigan", "file": "hifigan.py", "onnx": "", "batching": True},
    }
    records["config"]["serving"]["inner"] = "openvino"
    records["config"]["profile"] = {"opt": "spec:8x80x140"}
    records |= {"dataset": None, "model": {"accuracy": None}, "published": None}
    same = compared(1e-6, 1e-6, None)
    records["parity"] = records["parity"] | {"exports": {"onnx": {"1": same, "8": same}}}
    return document(summary, table, tables.read_rounds(None), [], health, [], records)


# Load levels and points


def test_each_point_stands_beside_the_limits_of_its_own_shape() -> None:
    lines = [(row, found) for row, found in limits.view(several_shapes())["lines"] if row["variant"] == "openvino"]
    assert [row["shape"] for row, _ in lines] == list(SHAPES)
    for row, found in lines:
        ceiling = 1900 / (0.5 + 0.002 * FRAMES[row["shape"]]) * 1.015
        model = LIMITS["openvino", row["shape"]]
        expected = {"ceiling": ceiling, "model alone": model, "bound": 1 / (1 / ceiling + 1 / model)}
        assert found == pytest.approx(expected)


def test_table_keeps_shapes(tmp_path: Path) -> None:
    tables.write(tmp_path / "perf.csv", repeats(), points.REPEAT_COLUMNS)
    assert set(tables.read(tmp_path / "perf.csv")["shape"]) == set(SHAPES)


def test_samples_are_those_of_the_reference_and_else_made_up(tmp_path: Path) -> None:
    inputs = [Tensor("spec", "FP32", [2, "frames"])]
    groups = [
        Reference({"spec": np.full((4, 2, frames), frames, np.float32)}, {"out": np.zeros((4, 1))}) for frames in (3, 5)
    ]
    assert of_shape(groups, "", 2, inputs, None).inputs["spec"].tolist() == groups[0].first(2).inputs["spec"].tolist()
    known = of_shape(groups, "spec:2x5", 64, inputs, None)
    assert (known.samples, known.inputs["spec"].max()) == (4, 5)
    made = of_shape(groups, "spec:2x7", 3, inputs, None)
    assert made.inputs["spec"].shape == (3, 2, 7)
    assert made.inputs["spec"].std() > 0
    # What takes raw samples knows nothing of the model's shapes.
    assert of_shape(groups, "spec:2x7", 3, [], None).shapes == {"spec": [2, 3]}
    model_file = tmp_path / "own.py"
    model_file.write_text(
        "import numpy as np\ndef build(): pass\n"
        "def example(shapes, generator): return {'spec': np.full(shapes['spec'], 9, 'float32')}\n"
    )
    assert (of_shape(groups, "spec:2x7", 3, inputs, model_file).inputs["spec"] == 9).all()


# Metrics of the model file


def test_metrics_are_columns_that_are_missing_where_nothing_was_served() -> None:
    table = pd.DataFrame([measured("a", 1, 100, shape=SHAPES[0]), measured("a", 4, 100)])
    summary = summary_of.summarise(table, {})
    summary.loc[summary["concurrency"] == 4, "throughput"] = None
    found = metrics.added(summary, real_time_factor, "spec:80x140", Path("model.py"))
    assert list(found.columns) == [*summary_of.SUMMARY_COLUMNS, "real_time_factor"]
    assert found["real_time_factor"][0] == pytest.approx(100 * 40 * 256 / 22_050)
    assert pd.isna(found["real_time_factor"][1])


def test_metrics_of_fixed_axes_have_the_shape_of_the_profile() -> None:
    summary = summary_of.summarise(pd.DataFrame([measured("a", 1, 100, batch_size=8)]), {})
    found = metrics.added(summary, real_time_factor, "spec:80x140", Path("model.py"))
    assert found["real_time_factor"][0] == pytest.approx(100 * 140 * 256 / 22_050)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ({"throughput": 1.0}, "{'throughput': 1.0}"),
        ({"speed": float("nan")}, "{'speed': nan}"),
        ({"my speed": 1.0}, "{'my speed': 1.0}"),
        ([1.0], r"\[1.0\]"),
    ],
)
def test_metrics_that_are_none_are_refused(returned: Any, said: str) -> None:
    summary = summary_of.summarise(pd.DataFrame([measured("a", 1, 100, shape=SHAPES[0])]), {})
    with pytest.raises(UserError, match=rf"metrics of model\.py: {said}"):
        metrics.added(summary, lambda shapes, throughput: returned, SHAPES[0], Path("model.py"))


def test_metrics_that_fail_are_named() -> None:
    summary = summary_of.summarise(pd.DataFrame([measured("a", 1, 100, shape="ids:40")]), {})
    with pytest.raises(UserError, match=r"metrics of model\.py: KeyError: 'spec'"):
        metrics.added(summary, real_time_factor, "ids:40", Path("model.py"))


# What is said


def test_growth_is_told_with_what_grows() -> None:
    found = next(one for one in several_shapes()["findings"] if one["rule"] == "input_size")
    assert found["text"] == (
        "7.5× the input takes openvino 6.9× and onnx 3.2× as long at concurrency 1 over gRPC, less than in proportion"
        " (onnx) and in proportion (openvino)."
    )
    assert found["evidence"] == (
        "openvino: 2.20 ms at spec:80x40, 15.2 ms at spec:80x300, 100 % of the growth in the server's computing;"
        " onnx: 6.00 ms at spec:80x40, 19.0 ms at spec:80x300, 100 % of the growth in the server's computing"
    )


def test_growth_needs_two_shapes_that_are_stable() -> None:
    rows = several_shapes()["rows"]
    assert growth([row for row in rows if row["shape"] == SHAPES[0]]) == {}
    assert growth([{**row, "status": "unstable"} for row in rows]) == {}
    assert sizes.view({"rows": [row for row in rows if row["shape"] == SHAPES[0]]}) is None


def test_accuracy_that_is_not_defined_is_never_a_number() -> None:
    found = several_shapes()
    assert found["verdict_details"][0] == (
        "openvino serves 877 infer/s at concurrency 4 over gRPC, spec:80x40; accuracy not defined, within 2e-06 of"
        " PyTorch."
    )
    assert {row["accuracy"] for row in found["rows"]} == {None}
    assert not {"answers", "accuracy"} & {one["rule"] for one in found["findings"]}
    page = render(json.loads(json.dumps(found, allow_nan=False)), TEMPLATE)
    assert page.count("not defined") >= 2 * (len(COST) - 1)
    assert "its accuracy is not defined" in page
    assert "Published figures" not in page


# The page


@pytest.fixture(scope="module")
def page(needs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """The page of that run."""
    needs("chromium", "chromedriver")
    path = tmp_path_factory.mktemp("report") / "perf_report.html"
    path.write_text(render(several_shapes(), TEMPLATE), encoding="utf-8")
    with chromium() as browser:
        view(browser, 1280, "light")
        drawn(browser, path)
        yield browser


@pytest.mark.slow
def test_page_has_a_chart_and_a_row_for_every_shape(page: webdriver.Chrome) -> None:
    script = """
        const plot = document.getElementById(`plot-sizes-${arguments[0]}`);
        const lines = plot.data.filter((trace) => trace.mode === "lines+markers");
        return lines.map((trace) => [trace.meta.variant, [...trace.x]])"""
    expected = [[variant, [80 * frames for frames in FRAMES.values()]] for variant in COST]
    assert page.execute_script(script, "throughput") == expected
    assert page.execute_script(script, "latency") == expected
    assert page.execute_script(script, "real_time_factor") == expected[:2]
    rows = page.execute_script(
        "return [...document.querySelectorAll('#sizes tbody tr')].map((row) => row.cells[1].textContent)"
    )
    assert rows == [shape for shape in SHAPES for _ in COST] * 2
    assert "hifigan" in page.title
    heads = [one.text for one in page.find_elements(By.CSS_SELECTOR, "#points thead button")]
    assert heads[-1] == "real time factor"


@pytest.mark.slow
@pytest.mark.parametrize("width", [380, 1280])
def test_page_of_several_shapes_fits_and_is_accessible(page: webdriver.Chrome, width: int) -> None:
    view(page, width, "light")
    drawn(page)
    assert fits(page, width)
    assert accessibility_violations(page) == []
