"""The page in a browser: it opens offline and without errors, shows everything, sorts, fits and reads well."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from browsers import LOW_CONTRAST, accessibility_violations, chromium, drawn, fits, view
from report_sample import TEMPLATE, THROUGHPUTS, failed, repeats, rounds, sample_document
from show.page import render

WITH_FIGURES = set(THROUGHPUTS) - {"broken"}


@pytest.fixture(scope="module")
def browser(needs) -> Iterator[webdriver.Chrome]:
    """Headless Chromium without a network."""
    needs("chromium", "chromedriver")
    with chromium() as found:
        found.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        found.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        yield found


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The sample run, with rounds head to head of the variants that are fit for them."""
    return sample_document(turns=rounds({"fast": 5000, "slow": 4000, "null": 8000}))


@pytest.fixture(scope="module")
def file(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample run."""
    path = tmp_path_factory.mktemp("report") / "perf_report.html"
    path.write_text(render(document, TEMPLATE), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: webdriver.Chrome, file: Path) -> webdriver.Chrome:
    """The page, opened anew at 1280 px in the light scheme, its plots drawn."""
    view(browser, 1280, "light")
    return opened(browser, file)


def opened(browser: webdriver.Chrome, file: Path) -> webdriver.Chrome:
    """The browser with a page, its plots drawn."""
    drawn(browser, file)
    return browser


def point_rows(page: webdriver.Chrome) -> list[WebElement]:
    """Rows of the table of points."""
    return page.find_elements(By.CSS_SELECTOR, "#points tbody tr")


def column(page: webdriver.Chrome, index: int) -> list[str]:
    """Values of a column of the table of points, from the top."""
    script = (
        "return [...document.querySelectorAll('#points tbody tr')].map((row) => row.cells[arguments[0]].dataset.value)"
    )
    found: list[str] = page.execute_script(script, index)
    return found


def header(page: webdriver.Chrome, name: str) -> tuple[int, WebElement]:
    """Place and button of a column."""
    buttons = page.find_elements(By.CSS_SELECTOR, "#points thead button")
    index = [button.text for button in buttons].index(name)
    return index, buttons[index]


def plot_data(page: webdriver.Chrome, name: str) -> list[dict[str, Any]]:
    """The traces of a plot as they are seen now."""
    script = """
        const seen = document.getElementById(`plot-${arguments[0]}`).data.filter((trace) => trace.visible !== false);
        return seen.map((trace) => ({
            name: trace.name, mode: trace.mode, x: [...trace.x], y: [...trace.y], symbols: trace.marker?.symbol,
            meta: trace.meta, text: trace.text}))"""
    found: list[dict[str, Any]] = page.execute_script(script, name)
    return found


def lines(page: webdriver.Chrome, name: str) -> dict[str, dict[str, Any]]:
    """The lines of variants in a plot, by variant."""
    return {one["meta"]["variant"]: one for one in plot_data(page, name) if one["mode"] == "lines+markers"}


def labels(page: webdriver.Chrome, name: str) -> list[str]:
    """The names beside the lines of a plot."""
    return [one["text"][0].strip() for one in plot_data(page, name) if (one["meta"] or {}).get("role") == "label"]


def test_no_errors_and_no_request(page: webdriver.Chrome) -> None:
    page.get_log("browser")
    page.get_log("performance")
    drawn(page)
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert sent
    assert [url for url in sent if not url.startswith(("file:", "data:"))] == []
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_verdict_comes_first(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    assert len(page.find_elements(By.TAG_NAME, "h1")) == 1
    verdict, *details = page.find_elements(By.CSS_SELECTOR, ".verdict, .details li")
    assert verdict.text.replace("\u00a0", " ") == document["verdict"]
    assert [one.text.replace("\u00a0", " ") for one in details] == document["verdict_details"]
    assert verdict.location["y"] < page.find_element(By.TAG_NAME, "h2").location["y"]


def test_ranking_has_every_variant_fastest_first(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    rows = page.find_elements(By.CSS_SELECTOR, "#ranking tbody:first-of-type tr")
    assert [row.find_element(By.TAG_NAME, "th").text.split()[0] for row in rows] == [
        *("fast", "slow", "shaky", "broken", "null")
    ]
    styles = [bar.get_attribute("style") or "" for row in rows for bar in row.find_elements(By.CLASS_NAME, "bar")]
    level = {row["variant"]: row for row in document["rows"] if row["concurrency"] == 65}
    longest = max(row["throughput_high"] for row in level.values() if row["throughput_high"])
    assert [float(style.split("--value: ")[1].split("%")[0]) for style in styles] == [
        pytest.approx(100 * level[name]["throughput"] / longest, abs=0.01) for name in ("fast", "slow", "shaky", "null")
    ]
    whiskers = ["--low: " in style for style in styles]
    assert whiskers == [True, True, False, True]


def test_ranking_says_what_is_not_served_and_why(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    (row,) = page.find_elements(By.CSS_SELECTOR, "#ranking .not-served tr")
    (name, reason), *_ = document["config"]["not_served"].items()
    assert row.text.split(maxsplit=1)[0] == name
    assert row.find_elements(By.TAG_NAME, "td")[-1].text == f"not served: {reason.strip()}"


def test_what_decides_fits_a_phone(page: webdriver.Chrome) -> None:
    view(page, 380, "light")
    assert all(bar.is_displayed() and bar.size["width"] > 60 for bar in page.find_elements(By.CLASS_NAME, "bar"))
    # Nothing of what decides has to be scrolled to.
    for section in ("choices", "ranking"):
        table = page.find_element(By.CSS_SELECTOR, f"#{section} .wide")
        assert page.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", table), section


def test_tables_fit_a_desktop(page: webdriver.Chrome) -> None:
    view(page, 1200, "light")
    page.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    tables = page.find_elements(By.CSS_SELECTOR, ".wide:has(table)")
    excess = "return arguments[0].scrollWidth - arguments[0].clientWidth"
    wider = {one.get_attribute("aria-label"): page.execute_script(excess, one) for one in tables}
    assert {name: pixels for name, pixels in wider.items() if pixels} == {}


def test_page_is_small(file: Path) -> None:
    assert file.stat().st_size < 2_000_000


def test_what_to_serve_and_the_way_of_the_time_are_shown(page: webdriver.Chrome) -> None:
    assert "make serve VARIANT=fast" in page.find_element(By.ID, "choices").text
    stops = page.find_elements(By.CSS_SELECTOR, "#breakdown .way i")
    assert [round(stop.size["width"] / 10) for stop in stops] != [0] * 5
    assert "infer " in page.find_element(By.CSS_SELECTOR, "#breakdown .route .key").text


def test_findings_show_what_to_do_and_fold_the_rest(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    items = page.find_elements(By.CSS_SELECTOR, "#findings li")
    assert [item.get_attribute("data-rule") for item in items] == [one["rule"] for one in document["findings"]]
    assert [item.is_displayed() for item in items] == [index < 4 for index in range(len(items))]
    assert all(one["advice"] in item.text for one, item in zip(document["findings"][:4], items))


def test_every_point_is_in_the_table(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    expected = [(row["variant"], row["status"]) for row in document["rows"]]
    columns = [column(page, header(page, name)[0]) for name in ("variant", "status")]
    assert list(zip(*columns)) == expected
    loads = [row.find_element(By.TAG_NAME, "td").text for row in point_rows(page)]
    assert loads == [f"gRPC, concurrency {row['concurrency']}" for row in document["rows"]]


def test_points_that_are_not_stable_show_status_and_reason(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    for shown, row in zip(point_rows(page), document["rows"]):
        badge = shown.find_element(By.CLASS_NAME, "badge")
        assert badge.is_displayed()
        assert badge.text == row["status"]
        assert row["reason"] in shown.text


@pytest.mark.parametrize("name", ["tradeoff-grpc-1-none", "scaling-grpc-1-none"])
def test_lines_hold_every_variant_with_figures(page: webdriver.Chrome, document: dict[str, Any], name: str) -> None:
    found = lines(page, name)
    assert set(found) == WITH_FIGURES
    for variant, trace in found.items():
        assert trace["y"] == [row["throughput"] for row in document["rows"] if row["variant"] == variant]
    assert [symbol.endswith("-open") for symbol in found["shaky"]["symbols"]] == [False, True]


def test_front_is_drawn_and_named(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    (front,) = [one for one in plot_data(page, "tradeoff-grpc-1-none") if (one["meta"] or {}).get("role") == "front"]
    assert front["y"] == [row["throughput"] for row in document["rows"] if row["variant"] == "fast"]
    assert (
        "fast at 1 (1,020 infer/s, 0.88 ms), fast at 65" in page.find_element(By.CSS_SELECTOR, "#tradeoff .front").text
    )


def test_lines_are_labelled_where_there_is_room(page: webdriver.Chrome) -> None:
    assert set(labels(page, "scaling-grpc-1-none")) == WITH_FIGURES
    view(page, 380, "light")
    WebDriverWait(page, 10).until(lambda one: labels(one, "scaling-grpc-1-none") == [])


def test_keyboard_hides_a_variant_everywhere(page: webdriver.Chrome) -> None:
    chip = page.find_element(By.CSS_SELECTOR, '[data-toggle="slow"]')
    page.execute_script("arguments[0].focus()", chip)
    for rest in (WITH_FIGURES - {"slow"}, WITH_FIGURES):
        page.switch_to.active_element.send_keys(Keys.SPACE)
        assert chip.get_attribute("aria-pressed") == str("slow" in rest).lower()
        for name in ("tradeoff-grpc-1-none", "scaling-grpc-1-none"):
            WebDriverWait(page, 10).until(lambda one, name=name, rest=rest: set(lines(one, name)) == rest)
        seen = {row.text.split()[0] for row in point_rows(page) if row.is_displayed()}
        assert seen == rest | {"broken"}


def test_bars_add_up_to_the_latency_of_every_variant(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    total = 0.0
    variants = set()
    for trace in plot_data(page, "breakdown-grpc-1-none"):
        variants |= {variant for variant, value in zip(trace["y"], trace["x"]) if value is not None}
        total += sum(value for value in trace["x"] if value is not None)
    assert variants == WITH_FIGURES
    assert total == pytest.approx(sum(row["latency_avg"] or 0 for row in document["rows"]) / 1000)


def test_published_figures_are_grey_and_named_as_another_machine(page: webdriver.Chrome) -> None:
    assert "Another machine, not measured here." in page.find_element(By.ID, "published").text
    names = [one["name"] for one in plot_data(page, "published") if one["mode"] == "lines+markers"]
    assert [name for name in names if name.startswith("A100: ")] == [
        *("A100: PyTriton, eager PyTorch", "A100: TensorRT backend"),
    ]
    assert {name.removesuffix(" (ceiling)") for name in names[2:]} == WITH_FIGURES


def test_plots_name_what_they_cannot_show(page: webdriver.Chrome) -> None:
    for section in ("tradeoff", "scaling", "breakdown"):
        caption = page.find_elements(By.CSS_SELECTOR, f"#{section} figcaption")[-1]
        assert "broken at concurrency 65 over gRPC (failed)" in caption.text


@pytest.mark.slow
def test_page_shows_one_way_of_asking_at_a_time(browser: webdriver.Chrome, tmp_path: Path) -> None:
    table = pd.concat([repeats("grpc"), repeats("http")])
    file = tmp_path / "both.html"
    file.write_text(render(sample_document(table), TEMPLATE), encoding="utf-8")
    view(browser, 1280, "light")
    page = opened(browser, file)
    plots = {key: page.find_element(By.ID, f"plot-scaling-{key}-1-none") for key in ("grpc", "http")}
    assert [plot.is_displayed() for plot in plots.values()] == [True, False]
    Select(page.find_element(By.ID, "layer")).select_by_visible_text("HTTP")
    WebDriverWait(page, 10).until(lambda one: set(lines(one, "scaling-http-1-none")) == WITH_FIGURES)
    assert [plot.is_displayed() for plot in plots.values()] == [False, True]


@pytest.mark.parametrize("name", ["infer/s", "p99"])
def test_keyboard_sorts_numbers_and_keeps_missing_ones_last(page: webdriver.Chrome, name: str) -> None:
    index, button = header(page, name)
    page.execute_script("arguments[0].focus()", button)
    orders = []
    for key, direction in ((Keys.ENTER, "ascending"), (Keys.SPACE, "descending")):
        page.switch_to.active_element.send_keys(key)
        assert button.find_element(By.XPATH, "..").get_attribute("aria-sort") == direction
        values = column(page, index)
        orders.append([float(value) for value in values if value])
        assert values[len(orders[-1]) :] == [""] * (len(values) - len(orders[-1]))
    assert orders[0] == sorted(orders[0])
    assert orders[1] == orders[0][::-1]


def test_click_sorts_words(page: webdriver.Chrome) -> None:
    index, button = header(page, "variant")
    button.click()
    assert column(page, index) == sorted(column(page, index))
    assert len(page.find_elements(By.CSS_SELECTOR, "[aria-sort]")) == 1


@pytest.mark.slow
def test_tab_reaches_the_header_buttons(page: webdriver.Chrome) -> None:
    reached = set()
    for _ in range(60):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(page.switch_to.active_element.text)
    assert {"variant", "infer/s", "accuracy"} <= reached


@pytest.mark.parametrize("width", [380, 1280])
def test_body_does_not_scroll_sideways(page: webdriver.Chrome, width: int) -> None:
    view(page, width, "light")
    drawn(page)
    assert fits(page, width)
    table = "const box = document.querySelector('#points .wide'); return box.scrollWidth > box.clientWidth"
    assert page.execute_script(table) == (width == 380)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(page: webdriver.Chrome, scheme: str) -> None:
    view(page, 1280, scheme)
    WebDriverWait(page, 10).until(
        lambda one: one.execute_script(LOW_CONTRAST) == [], str(page.execute_script(LOW_CONTRAST))
    )


@pytest.mark.parametrize("width", [380, 1280])
def test_bars_of_the_time_are_seen(page: webdriver.Chrome, width: int) -> None:
    view(page, width, "light")
    drawn(page)
    widths = (
        "return [...document.querySelectorAll('.barlayer .point path')].map(bar => bar.getBoundingClientRect().width)"
    )
    assert sum(page.execute_script(widths)) > width / 3


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (380, "light")])
def test_axe_finds_nothing(page: webdriver.Chrome, width: int, scheme: str) -> None:
    view(page, width, scheme)
    drawn(page)
    assert accessibility_violations(page) == []


def test_plots_follow_the_scheme_and_paper(page: webdriver.Chrome) -> None:
    def text_is(colour: str) -> None:
        script = "return document.getElementById('plot-scaling-grpc-1-none').layout.font.color"
        WebDriverWait(page, 10).until(lambda one: one.execute_script(script) == colour)

    text_is("#1b1f24")
    view(page, 1280, "dark")
    text_is("#e6e9ed")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    text_is("#1b1f24")


def test_tables_have_captions_and_scopes(page: webdriver.Chrome) -> None:
    tables = page.find_elements(By.TAG_NAME, "table")
    assert tables
    assert all(table.find_elements(By.TAG_NAME, "caption") for table in tables)
    assert page.find_elements(By.CSS_SELECTOR, "th:not([scope])") == []


def test_other_precision_is_marked(page: webdriver.Chrome) -> None:
    assert "bf16\nf32 was requested" in page.find_element(By.ID, "engines").text
    assert "Some <CPU>" in page.find_element(By.ID, "engines").text


def test_commands_can_be_unfolded(page: webdriver.Chrome, document: dict[str, Any]) -> None:
    details = page.find_element(By.CSS_SELECTOR, "#commands details")
    summary = details.find_element(By.TAG_NAME, "summary")
    page.execute_script("arguments[0].focus()", summary)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert [one.text for one in details.find_elements(By.TAG_NAME, "code")] == [
        one["command"] for one in document["commands"]
    ]


def test_page_of_a_run_in_which_all_failed(browser: webdriver.Chrome, tmp_path: Path) -> None:
    table = pd.DataFrame([failed("fast", concurrency, "exit code 99") for concurrency in (1, 65)])
    file = tmp_path / "failed.html"
    file.write_text(render(sample_document(table), TEMPLATE), encoding="utf-8")
    browser.get_log("browser")
    page = opened(browser, file)
    assert page.find_element(By.CLASS_NAME, "verdict").text.startswith("No variant has a usable point")
    assert page.find_element(By.CSS_SELECTOR, "#points .reason").text == "repeat 1: exit code 99"
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
