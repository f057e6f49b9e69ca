"""The documentation agrees with the project: the picture of the layers, links, and the index."""

import re
import subprocess
import tomllib

import pytest

from conftest import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*DOCS, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md", "profiles/README.md"))]


def test_picture_of_the_layers_is_the_linters_contract():
    picture = re.search(r"```layers\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(), re.DOTALL)[1]
    drawn = [line.split()[0] for line in picture.splitlines()]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    assert drawn == contract["layers"]


def test_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text()
    assert [page.name for page in DOCS if page.name != "README.md" and f"]({page.name})" not in index] == []


def anchors(text):
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_changelog_begins_with_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert first.split()[1] == version


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def test_readmes_own_model_is_taken_as_it_stands(project, tmp_path):
    section = (ROOT / "README.md").read_text().split("\n## Your own model\n")[1]
    (tmp_path / "tiny.py").write_text(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])
    made = ["make", "-o", ".venv/.main", "new", f"MODEL={tmp_path / 'tiny.py'}"]
    subprocess.run(made, cwd=project.root, check=True)
    planned = project.planned("perf_report", configfiles=(tmp_path / "tiny.yaml",))
    assert {"export/model.onnx", "report/perf_report.html"} <= planned


def test_commands_of_the_readme_are_targets_or_name_the_environment():
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z_-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = re.findall(r"(?:^(?:\$ )?|(?<!`)`)((?:make|python|snakemake)\b[^`\n]*)", readme, re.MULTILINE)
    assert [command for command in commands if not command.startswith("make")] == []
    assert {command.split()[1] for command in commands} <= targets


def test_troubleshooting_quotes_messages_that_exist():
    """The first column quotes what the code says, with … for names and numbers."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text().split("\n## What Snakemake, make and Triton say\n")[0]
    scripts = ROOT / "workflow" / "scripts"
    files = [*scripts.rglob("*.py"), *scripts.rglob("*.j2"), *(ROOT / "rules").glob("*.smk")]
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(file.read_text() for file in files))
    rows = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    quoted = [part for row in rows for message in re.findall("`(.+?)`", row) for part in _literal(message)]
    assert len(quoted) > 60
    assert [part for part in quoted if part not in code] == []


def _literal(message):
    """The parts of a message that are the same every time."""
    parts = re.split(r"…|Hint:|config: [\w.]+:|config:", message)
    return [part.strip(" .:,>") for part in parts if len(part.strip(" .:,>")) > 6]
