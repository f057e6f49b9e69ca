"""The table of docs/reliability.md says what the tests try, and how often.

As a program: writes it. PYTHONPATH=workflow/scripts:tools:tests python tests/test_reliability.py
"""

import test_damaged_files as damaged
import test_deploy as deployed
import test_hostile_configs as configs
import test_hostile_images as images
import test_hostile_model_files as model_files
import test_interruption as interruption
import test_killed as killed
import test_resources as resources
import test_shell as shell
import test_tune as tune
from conftest import ROOT, RULES_OF_FULL
from models import mnist

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- what was tried: written by tests/test_reliability.py -->", "<!-- end -->"


def rows() -> list[tuple[str, int, str, str]]:
    """What is tried, how often, what comes of it, and the file of tests/ that shows it."""
    planned = sum(said is None for _, said in configs.CASES.values())
    refused = len(configs.CASES) - planned
    formats = f"{', '.join(mnist.FORMATS)} with damage"
    return [
        (
            "any value at any key of each shipped configuration",
            configs.TREES,
            "planned, or refused in lines",
            "hostile_configs",
        ),
        (
            "shipped files with text put in, cut out, doubled",
            configs.TEXTS,
            "planned, or refused in lines",
            "hostile_configs",
        ),
        (
            "a configuration that is wrong in a way of its own",
            refused,
            "refused in the line that is expected",
            "hostile_configs",
        ),
        ("one that is odd and fine", planned, "planned, by `snakemake -n` too", "hostile_configs"),
        (formats, images.IMAGES, "decoded, or refused in one line", "hostile_images"),
        ("other formats that Pillow reads", len(images.OTHERS), "refused", "hostile_images"),
        (
            f"requests of {images.CLIENTS} clients to `bls`, every second one damaged",
            images.REQUESTS,
            "every good one answered right, every damaged one with its own error or its own answer",
            "hostile_images",
        ),
        (
            "variables of a shell, all at once, with umask 077, 64 descriptors, no HOME, as a user without a name",
            len(shell.SHELL),
            "served, asked over both protocols and measured",
            "shell",
        ),
        (
            "files of a run: cut at half, empty, noise, one byte changed, a line missing",
            len(damaged.CASES),
            "refused in one line that names the file and says how it is made again",
            "damaged_files",
        ),
        (
            "server, process of a model or perf_analyzer killed while it is measured, by three signals",
            len(killed.VICTIMS) + len(killed.SIGNALS),
            "one line, or a failed point that names the signal",
            "killed",
        ),
        (
            "a run ended at every stage by SIGINT, SIGTERM, SIGKILL of Snakemake, or of a job alone",
            len(RULES_OF_FULL) * len(interruption.ENDS) + len(interruption.JOBS_KILLED),
            "no process, temporary file or half an output left; the next run completes, and another plans nothing",
            "interruption",
        ),
        (
            "Ctrl-C, SIGTERM, SIGHUP, or SIGKILL of Snakemake, while a server is measured",
            len(interruption.ENDED),
            "no process within ten seconds, nothing in `/dev/shm`; the next run completes",
            "interruption",
        ),
        (
            "server, perf_analyzer or Model Analyzer killed in a search, by three signals",
            sum(kill is not None for kills in tune.KILLS for kill in kills),
            "one line, nothing half-written; the search goes on where it was",
            "tune",
        ),
        (
            "PyTriton and its job killed at once",
            1,
            "the next job removes its files and regions",
            "killed",
        ),
        (
            "model files that start programs, fork, or call a library that does not return",
            len(model_files.STARTING) + 1,
            "no process left; one line",
            "hostile_model_files",
        ),
        (
            "what breaks a policy of the deployment",
            len(deployed.BROKEN),
            "found",
            "deploy",
        ),
        (
            "model files that raise, exit, recurse, print megabytes",
            len(model_files.FILES),
            "refused in one line",
            "hostile_model_files",
        ),
        (
            "disks that are full or read-only, little memory, a limit of file sizes, a second run in the directory",
            len(resources.MACHINES) + 1,
            "one line, nothing half-written",
            "resources",
        ),
        ("TMPDIR that a shell takes apart, or too long for a socket", 5, "refused in one line, nothing left", "shell"),
    ]


def table() -> str:
    """The rows in Markdown."""
    lines = ["| what was tried | how often | what came of it | by `tests/…` |", "|---|---|---|---|"]
    lines += [f"| {what} | {count:,} | {outcome} | `test_{by}.py` |" for what, count, outcome, by in rows()]
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with the table as it is to be."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


def test_page_says_what_the_tests_try() -> None:
    page = PAGE.read_text()
    assert page == written(page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
