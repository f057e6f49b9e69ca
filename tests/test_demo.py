"""The page to draw on, in a browser with real strokes against real servers: what it shows and leaves behind."""

import base64
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import psutil
import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from browsers import LOW_CONTRAST, chromium, fits, view
from conftest import FULL, Project
from model.interface import load_checkpoint, predict
from processes import Foreground, marked, wait_for
from serve import server

pytestmark = pytest.mark.slow
# What a run of tests/configs/full.yaml has ready-made, but for the one that computes nothing.
VARIANTS = ["openvino", "pytriton", "pytriton_engine", "bls", "ensemble"]
# No name is looked up, so that nothing but this machine can be reached.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# A seven as offsets from the middle of the canvas: the bar, then the leg.
BAR = [(-70, -90), (-20, -92), (30, -91), (75, -90)]
LEG = [(75, -90), (45, -30), (15, 35), (-15, 100)]


@pytest.fixture(scope="module")
def demo(served_run: Project) -> Iterator[Foreground]:
    """The running demo."""
    port = server.free_ports().http
    command = [sys.executable, "-m", "commands.demo", "--configfile", FULL, "--port", str(port)]
    with Foreground([*command, "--variants", *VARIANTS], served_run.root, terminal=True) as running:
        running.wait_for_output("Ctrl-C stops it.")
        yield running


@pytest.fixture(scope="module")
def address(demo: Foreground) -> str:
    """What the demo printed."""
    return re.search(r"^Draw on (http://127\.0\.0\.1:\d+)$", demo.output, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def browser(needs) -> Iterator[webdriver.Chrome]:
    """Headless Chromium that can reach this machine alone."""
    needs("chromium", "chromedriver")
    with chromium(ALONE) as found:
        yield found


@pytest.fixture
def page(browser: webdriver.Chrome, address: str) -> webdriver.Chrome:
    """The page, opened anew at 1280 px in the light scheme."""
    view(browser, 1280, "light")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(f"{address}/")
    return browser


def draw(page: webdriver.Chrome, points: Sequence[tuple[int, int]], pointer: str = interaction.POINTER_MOUSE) -> None:
    """One stroke; returns when its answers are shown."""
    canvas = page.find_element(By.ID, "drawing")
    action = ActionBuilder(page, mouse=PointerInput(pointer, pointer), duration=20)
    start, *others = points
    action.pointer_action.move_to(canvas, *start).pointer_down()
    for point in others:
        action.pointer_action.move_to(canvas, *point)
    action.pointer_action.pointer_up()
    before = answered(page)
    action.perform()
    WebDriverWait(page, 60).until(lambda one: answered(one) > before, "answers to a stroke")


def answered(page: webdriver.Chrome) -> int:
    """How many drawings have had their answers."""
    return int(page.execute_script("return document.documentElement.dataset.answered || 0"))


def rows(page: webdriver.Chrome) -> dict[str, list[str]]:
    """The cells of every variant's row."""
    return {
        row.find_element(By.TAG_NAME, "th").text: [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
        for row in page.find_elements(By.CSS_SELECTOR, "tbody tr")
    }


def status(page: webdriver.Chrome) -> str:
    return page.find_element(By.ID, "status").text


def drawing(page: webdriver.Chrome) -> bytes:
    """The canvas as PNG."""
    text = page.execute_script("return document.getElementById('drawing').toDataURL('image/png')")
    return base64.b64decode(text.split(",")[1])


def ink(page: webdriver.Chrome) -> int:
    """How many pixels of the canvas are dark."""
    script = """const canvas = document.getElementById("drawing");
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return data.filter((value, index) => index % 4 === 0 && value < 127).length"""
    return page.execute_script(script)


EMPTY = {variant: ["–", "–", "–"] for variant in VARIANTS}


def test_every_variant_answers_after_every_stroke(page, served_run):
    assert rows(page) == EMPTY
    draw(page, BAR)
    bar = rows(page)
    assert all(re.fullmatch(r"\d", answer) for answer, _, _ in bar.values())
    draw(page, LEG)
    module, source = load_checkpoint(served_run.root / "artifacts" / "test" / "model" / "model.pt")
    (scores,) = predict(module, source.prepare(source.decode(drawing(page))[None]))
    for answer, probability, latency in rows(page).values():
        assert answer == "7"
        assert float(probability.removesuffix(" %")) == pytest.approx(100 * np.exp(scores.max()), abs=0.2)
        assert float(latency.removesuffix(" ms")) > 0
    assert scores.argmax() == 7
    assert rows(page) != bar
    assert status(page) == "5 of 5 variants answer 7."


@pytest.mark.parametrize("pointer", [interaction.POINTER_MOUSE, interaction.POINTER_TOUCH, interaction.POINTER_PEN])
def test_every_pointer_draws(page, pointer):
    draw(page, BAR, pointer)
    one = ink(page)
    assert one > 1000
    draw(page, LEG, pointer)
    assert ink(page) > 1.5 * one


def test_tap_is_a_dot(page):
    draw(page, [(0, 0)])
    assert 500 < ink(page) < 5000


def test_keyboard_reaches_ask_and_clear(page):
    draw(page, BAR)
    focused = []
    while "Ask" not in focused:
        page.switch_to.active_element.send_keys(Keys.TAB)
        focused.append(page.switch_to.active_element.text)
        assert len(focused) < 10, focused
    before = answered(page)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    WebDriverWait(page, 60).until(lambda one: answered(one) == before + 1)
    page.execute_script("document.getElementById('clear').focus()")
    page.switch_to.active_element.send_keys(Keys.SPACE)
    assert ink(page) == 0
    assert rows(page) == EMPTY
    assert status(page) == "Nothing is drawn yet."
    page.find_element(By.ID, "ask").click()
    assert rows(page) == EMPTY


def test_no_errors_and_no_request_to_elsewhere(page, address):
    draw(page, LEG)
    assert [entry for entry in page.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert {url for url in sent if not url.startswith("data:")} == {
        f"{address}/{name}" for name in ("", "page.css", "page.js", "ask")
    }


@pytest.mark.parametrize("width", [380, 1280])
def test_fits(page, width):
    view(page, width, "light")
    draw(page, BAR)
    assert fits(page, width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(page, scheme):
    view(page, 1280, scheme)
    draw(page, BAR)
    assert page.execute_script(LOW_CONTRAST) == []


def test_semantics(page):
    assert page.title == "test: draw, and see what each variant answers"
    assert page.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    assert len(page.find_elements(By.TAG_NAME, "h1")) == 1
    assert page.find_elements(By.CSS_SELECTOR, "th:not([scope])") == []
    assert page.find_elements(By.CSS_SELECTOR, "table caption")
    assert page.find_element(By.ID, "drawing").get_attribute("aria-label")


def test_what_is_no_image_or_too_large_is_refused(demo, address):
    found = requests.post(f"{address}/ask", data=b"no image", timeout=60)
    assert (found.status_code, found.text) == (400, "The request is not an image that can be read.")
    assert requests.post(f"{address}/ask", data=bytes(2**20 + 1), timeout=60).status_code == 413
    assert requests.get(f"{address}/page.html.j2", timeout=60).status_code == 404


def test_listens_on_loopback_only(demo):
    listening = {
        connection.laddr.ip
        for process in marked(demo.mark)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert "127.0.0.1" in listening
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_port_taken(project, command):
    with socket.create_server((server.HOST, 0)) as holder:
        port = holder.getsockname()[1]
        found = command.at(project.root)("demo", "--port", str(port))
    hint = "choose another: --port 9000; or stop what listens there"
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"demo.py: error: port {port} (page) is taken. Hint: {hint}\n"


def test_variant_that_fails_does_not_break_the_others(page, demo):
    """The next to last test here: afterwards a server is missing."""
    victim = next(one for one in marked(demo.mark) if any("repository/pytriton" in word for word in one.cmdline()))
    variant = next(word for word in victim.cmdline() if "repository/pytriton" in word).rsplit("/", 1)[1]
    os.killpg(victim.pid, signal.SIGKILL)
    wait_for(lambda: victim not in marked(demo.mark), "the end of a server")
    draw(page, BAR)
    draw(page, LEG)
    found = rows(page)
    (error,) = found.pop(variant)
    assert "connect" in error
    assert [answer for answer, _, _ in found.values()] == ["7"] * 4
    assert status(page) == "4 of 5 variants answer 7. Without an answer: 1."
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_stopping_leaves_nothing_behind(demo):
    demo.stop_cleanly()
