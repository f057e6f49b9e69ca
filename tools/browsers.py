"""Headless Chromium: what a page shows, and what is wrong with it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--force-device-scale-factor=1",
    ),
]

# Text whose contrast with the nearest background behind it is below 4.5, as "ratio: text".
LOW_CONTRAST = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (colour) => {
  const [r, g, b] = channels(colour).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if ((channels(colour)[3] ?? 1) > 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const found = [];
document.querySelectorAll("details").forEach((one) => { one.open = true; });
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
  if (!text || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
  const style = getComputedStyle(element);
  const colour = element instanceof SVGElement ? style.fill : style.color;
  const [one, other] = [luminance(colour), luminance(background(element))].sort((a, b) => b - a);
  const ratio = (one + 0.05) / (other + 0.05);
  if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${text.slice(0, 60)}`);
}
return found;
"""


@contextmanager
def chromium(*flags: str) -> Iterator[webdriver.Chrome]:
    """A browser that keeps its logs. Raises FileNotFoundError where chromium or chromedriver is missing."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and driver):
        raise FileNotFoundError("chromium and chromedriver are needed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (*FLAGS, *flags):
        options.add_argument(flag)
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield found
    finally:
        found.quit()


def view(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    """Set the width of the window and the colour scheme that the reader prefers."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"media": "", "features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def fits(page: webdriver.Chrome, width: int) -> bool:
    """Whether nothing, unfolded, makes the page wider than a window of `width` pixels."""
    page.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    size = page.execute_script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return bool(size[0] <= size[1] <= width)


def drawn(browser: webdriver.Chrome, file: Path | None = None) -> None:
    """Open a page, or reload the open one, and wait until page.js has drawn all plots."""
    if file is None:
        browser.refresh()
    else:
        browser.get(file.as_uri())
    WebDriverWait(browser, 30).until(lambda one: one.execute_script("return document.documentElement.dataset.drawn"))


def accessibility_violations(browser: webdriver.Chrome) -> list[str]:
    """What axe-core finds wrong with the page as it stands, with everything unfolded: rule and first element."""
    browser.set_script_timeout(60)
    browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; });")
    browser.execute_script((resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = browser.execute_async_script("""
        const done = arguments[0];
        axe.run().then(({ violations }) => done(violations.map((one) => `${one.id}: ${one.nodes[0].html}`)));
    """)
    return found
