"""The page of a search in a browser: it opens without errors, fits a phone, is accessible, and shows the choice."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

import tune_report
from browsers import LOW_CONTRAST, accessibility_violations, chromium, drawn, fits, view
from plan.settings.tune import TuneReport
from report_sample import TEMPLATE

METRICS = ("perf_throughput", "perf_latency_avg", "perf_latency_p99")
SETTINGS = {"max_batch_size": 128, "preferred_batch_size": [64, 128], "queue_delay_us": 500, "threads": "auto"}


def measurement(number: int, throughput: float, p99: float, **changes: Any) -> dict[str, Any]:
    """A measurement of a search, as choice.json has it."""
    name = f"hifigan_openvino_config_{number or 'default'}"
    return {
        **{"config": name, "batch_size": 1, "concurrency": 16, "default": not number, "on_front": False},
        **dict(zip(METRICS, (throughput, p99 / 2, p99))),
        **{"settings": {"instances": 1 + number, **SETTINGS}, "meets_constraints": p99 <= 20, "rounds": 1 + number},
        **changes,
    }


def choice(variant: str, shape: str) -> dict[str, Any]:
    """A choice.json: the tuned configuration is better than the default."""
    found = [measurement(0, 900, 18), measurement(1, 1300, 15, on_front=True), measurement(2, 1500, 40)]
    figures = {name: found[1][name] for name in METRICS}
    return {
        **{
            "variant": variant,
            "mode": "manual",
            "launch": "local",
            "model": f"hifigan_{variant}",
            "model_analyzer": "1.58.0",
        },
        **{"shape": shape, "objectives": ["perf_throughput"], "constraints": {"perf_latency_p99": {"max": 20}}},
        "search": {"instances": [1, 2, 3], "queue_delays_us": [0, 500], "threads": [], "concurrencies": [16]},
        **{"measurements": found, "winner": found[1], "beaten": found[0], "chosen": "tuned"},
        **{"default": found[0]["settings"], "tuned": found[1]["settings"]},
        "proof": {
            **{"rounds": 5, "stable_rounds": 5, "default": figures, "tuned": figures},
            "ratio": {"low": 1.31, "middle": 1.42, "high": 1.55},
        },
        "why": "Within perf_latency_p99 ≤ 20 ms and measured again in turn, 1.42 [1.31, 1.55] times the default.",
    }


@pytest.fixture(scope="module")
def page(needs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """The page of two searches, made by the rule's script, open in headless Chromium."""
    needs("chromium", "chromedriver")
    directory = tmp_path_factory.mktemp("tune")
    choices = {"openvino": choice("openvino", "spec:80x140"), "onnx": choice("onnx", "")}
    choices["onnx"] |= {"mode": "halving", "model_analyzer": None}
    for name, content in choices.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    files = [directory / f"{name}.json" for name in choices]
    page = directory / "tune_report.html"
    tune_report.main(tune_report.Job(TuneReport("vocoder", "hifigan"), files, TEMPLATE, page))
    with chromium() as browser:
        view(browser, 1280, "light")
        drawn(browser, page)
        yield browser


def test_page_names_model_choice_and_shape(page: webdriver.Chrome) -> None:
    assert page.find_element(By.TAG_NAME, "h1").text == "Run vocoder: performance of the served model hifigan"
    text = page.find_element(By.ID, "search").text
    assert text.count("openvino: the tuned configuration") == 1
    assert "within the constraints, with samples of the shape spec:80x140. Searched: instances 1, 2, 3;" in text
    assert text.count("with samples of the shape") == 1
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_search_in_rounds_says_how_many(page: webdriver.Chrome) -> None:
    text = page.find_element(By.ID, "search").text
    assert "Model Analyzer 1.58.0, mode manual, launch local" in text
    assert "Mode halving, launch local" in text
    first, second = page.find_elements(By.CSS_SELECTOR, "#search .sortable")
    heads = [head.text for head in second.find_elements(By.CSS_SELECTOR, "thead th")]
    assert set(heads) - {head.text for head in first.find_elements(By.CSS_SELECTOR, "thead th")} == {"rounds"}
    best = second.find_element(By.CSS_SELECTOR, "tbody tr").find_elements(By.CSS_SELECTOR, "th, td")
    assert best[0].text.endswith("config_2")
    assert best[heads.index("rounds")].text == "3"


def test_names_leave_room_for_figures_on_a_phone(page: webdriver.Chrome) -> None:
    """The first column stays where it is while the others scroll."""
    view(page, 380, "light")
    drawn(page)
    name = page.find_element(By.CSS_SELECTOR, ".sortable tbody th")
    assert name.text == "config_2"
    assert name.size["width"] < 380 / 3


def test_plot_shows_every_measurement(page: webdriver.Chrome) -> None:
    script = "return document.getElementById('plot-search_openvino').data.flatMap((trace) => [...trace.y])"
    assert sorted(page.execute_script(script)) == [900, 1300, 1500]


@pytest.mark.parametrize("width", [380, 1280])
def test_page_does_not_scroll_sideways(page: webdriver.Chrome, width: int) -> None:
    view(page, width, "light")
    drawn(page)
    assert fits(page, width)
    # What reaches beyond the window scrolls in a box of its own.
    beyond = """
        return [...document.querySelectorAll("body *")].filter((one) =>
          one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".wide, .plot, .skip")
        ).map((one) => one.outerHTML.slice(0, 80))"""
    assert page.execute_script(beyond) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (380, "light")])
def test_axe_finds_nothing(page: webdriver.Chrome, width: int, scheme: str) -> None:
    view(page, width, scheme)
    drawn(page)
    assert accessibility_violations(page) == []
    assert page.execute_script(LOW_CONTRAST) == []
