"""The rules of the default run and of `deploy`, and what each takes from which: the picture in docs/architecture.md.

`make docs` renews it. Edges that follow from others are left out.
"""

import re
import subprocess
from pathlib import Path

from config_docs import written_into

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
TARGETS = ("perf_report", "deploy")


def drawn() -> str:
    """What Snakemake draws, as Mermaid. Raises CalledProcessError."""
    command = ["snakemake", "--rulegraph", "mermaid-js", *TARGETS]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def edges(mermaid: str) -> set[tuple[str, str]]:
    """The pairs of rules of which the second takes what the first makes, without those that follow from others."""
    names = dict(re.findall(r"^\s*(id\d+)\[(\w+)\]$", mermaid, re.MULTILINE))
    after: dict[str, set[str]] = {name: set() for name in names.values()}
    for first, second in re.findall(r"^\s*(id\d+) --> (id\d+)$", mermaid, re.MULTILINE):
        after[names[first]].add(names[second])

    def later(rule: str) -> set[str]:
        return after[rule].union(*(later(one) for one in after[rule]))

    return {
        (first, second)
        for first, seconds in after.items()
        for second in seconds
        if not any(second in later(other) for other in seconds)
    }


def picture() -> str:
    """The Mermaid block of the page."""
    lines = [f"  {first} --> {second}" for first, second in sorted(edges(drawn()))]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```"])


def with_picture(page: str) -> str:
    """The page with the picture as it should be."""
    return written_into(page, picture(), "<!-- rules -->", "<!-- /rules -->")


if __name__ == "__main__":
    PAGE.write_text(with_picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
