"""What many changes would make again, each by a dry run, all in one process; nothing is computed.

As a program: reads a list of changes from stdin, in a directory where a run is pretended, and writes their plans.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from project import Project, short

TARGET = "perf_report"
# A planned output: its rule, and the wildcards that its path shows.
Plan = set[tuple[str, str]]


def pretend(project: Project) -> dict[str, frozenset[str]]:
    """Make Snakemake believe that a project has run: its outputs are there, and its records say how they were made.

    Returns for every input the outputs that are made from it.
    """
    for row in project.summary(TARGET):
        path = project.root / row["output_file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if (row["rule"].startswith("repository") and not path.suffix) or path.name == "raw":
            path.mkdir()
        else:
            path.write_text(row["output_file"])
    # The benchmark of the target counts as its output.
    benchmark = next((project.root / "artifacts").glob("*/report")).parent / "benchmarks" / f"{TARGET}.tsv"
    benchmark.parent.mkdir()
    benchmark.touch()
    project.snakemake(TARGET, "--touch", "--forceall", "--cores", "1")
    consumers: dict[str, set[str]] = {}
    for row in project.summary(TARGET, detailed=True):
        for name in row["input-file(s)"].split(","):
            consumers.setdefault(name, set()).add(row["output_file"])
    return {name: frozenset(outputs) for name, outputs in consumers.items()}


def plans(root: Path, changes: Sequence[dict[str, Any]]) -> list[Plan]:
    """For each change the outputs that it would make again, as (rule, path below the directory of the run).

    A change has one or more of "config": {…}, "append": [files], "older": [files], which are appended to and get an old
    time stamp, "touch": [files], "replace": [file, old, new] and "without": [files or directories].
    """
    found = subprocess.run(
        [sys.executable, __file__], cwd=root, input=json.dumps(changes), capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return [{tuple(one) for one in plan} for plan in json.loads(found.stdout)]


@contextlib.contextmanager
def made(change: dict[str, Any]) -> Iterator[list[str]]:
    """Make a change for the length of the block; gives the options of Snakemake that belong to it."""
    for name in change.get("touch", []):
        os.utime(name)
    edits = [change["replace"]] if "replace" in change else []
    edits += [[name, "", "\n"] for name in [*change.get("append", []), *change.get("older", [])]]
    with contextlib.ExitStack() as stack:
        for name, old, new in edits:
            stack.enter_context(edited(Path(name), old, new))
        for name in change.get("older", []):
            os.utime(name, (0, 0))
        for name in change.get("without", []):
            stack.enter_context(away(Path(name)))
        if "config" in change:
            Path("change.yaml").write_text(json.dumps(change["config"]))
        yield ["--configfile", "change.yaml"] if "config" in change else []


@contextlib.contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """Replace a text in a file, or append to it where the old text is empty, for the length of the block."""
    text, status = path.read_text(), path.stat()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1) if old else text + new)
    try:
        yield
    finally:
        path.write_text(text)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@contextlib.contextmanager
def away(path: Path) -> Iterator[None]:
    """Remove a file or directory for the length of the block."""
    aside = path.rename(path.with_name(f"{path.name}.aside"))
    try:
        yield
    finally:
        # What Snakemake wrote in its place.
        shutil.rmtree(path, ignore_errors=True)
        aside.rename(path)


def plan(options: list[str]) -> list[tuple[str, str]]:
    """What `snakemake --summary` plans."""
    from snakemake.cli import main

    # What the workflow's modules remember of files.
    for module in [name for name in sys.modules if name.startswith(("plan.", "program."))]:
        for function in list(vars(sys.modules[module]).values()):
            getattr(function, "cache_clear", lambda: None)()
    sys.argv = ["snakemake", TARGET, "--summary", *options]
    printed, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        try:
            main()
        except SystemExit as ending:
            assert ending.code in (0, None), said.getvalue() + str(ending.code)
    rows = [line.split("\t") for line in printed.getvalue().splitlines()[1:]]
    return [(row[2], short(row[0])) for row in rows if row[-1] == "update pending"]


def _main() -> None:
    results = []
    for change in json.load(sys.stdin):
        with made(change) as options:
            try:
                results.append(plan(options))
            except AssertionError as error:
                sys.exit(f"{change}: {error}")
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    _main()
