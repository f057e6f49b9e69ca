"""Snakemake's own report has ours inside, with no target named, in an archive and in one file; and lists every rule."""

import base64
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from browsers import chromium
from conftest import FULL, Project


@pytest.fixture
def browser(needs) -> Iterator[webdriver.Chrome]:
    needs("chromium", "chromedriver")
    with chromium() as found:
        yield found


@pytest.mark.slow
def test_our_page_opens_in_snakemakes_report(finished_run: Project, browser: webdriver.Chrome, tmp_path: Path) -> None:
    finished_run.snakemake("--report", str(tmp_path / "out.zip"), configfiles=(FULL,))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path)
    (page,) = tmp_path.glob("*/report.html")
    browser.get(page.as_uri())
    wait = WebDriverWait(browser, 30)
    for entry in ("Results", "Performance"):
        wait.until(lambda one, entry=entry: one.find_element(By.XPATH, f"//a[contains(., '{entry}')]")).click()
    row = wait.until(lambda one: one.find_element(By.XPATH, "//tr[contains(., 'page')]"))
    row.find_element(By.XPATH, ".//a").click()
    browser.switch_to.frame(wait.until(lambda one: one.find_element(By.TAG_NAME, "iframe")))
    wait.until(lambda one: one.execute_script("return document.documentElement.dataset.drawn"))
    assert "openvino" in browser.find_element(By.TAG_NAME, "body").text


def test_report_in_one_file_has_our_page_inside(finished_run: Project, tmp_path: Path) -> None:
    finished_run.snakemake("--report", str(tmp_path / "out.html"), configfiles=(FULL,))
    page = (finished_run.root / "artifacts" / "test" / "report" / "perf_report.html").read_bytes()
    assert base64.b64encode(page).decode() in (tmp_path / "out.html").read_text()


def test_every_rule_that_can_be_a_target_says_what_it_makes(project: Project) -> None:
    rules = project.snakemake("--list-target-rules").stdout.splitlines()
    assert len(rules) > 15
    assert [rule for rule in rules if not re.fullmatch(r"\w+ \(.+\.\)", rule)] == []
