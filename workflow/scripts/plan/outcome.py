"""What a finished run says at its end: the verdict, where the report is, and what to do next."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from program.files import read_json
from serve.variants import VARIANTS


def outcome(results: Path, overlays: Sequence[str]) -> list[str]:
    """The last lines of a run that made the report. `overlays`: the configuration files of the command line."""
    summary = read_json(results / "report" / "perf_summary.json")
    config = f" CONFIG={overlays[0]}" if len(overlays) == 1 else f" CONFIG='{' '.join(overlays)}'" if overlays else ""
    fastest = _fastest(summary)
    return [
        f"Verdict: {summary['verdict']}",
        f"Report:  {results / 'report' / 'perf_report.html'}",
        *([f"Next:    make serve VARIANT={fastest}{config}"] if fastest else []),
    ]


def _fastest(summary: dict[str, Any]) -> str | None:
    """The healthy variant with the highest throughput, of those that compute something."""
    counts = [
        row
        for row in summary["rows"]
        if row["throughput"] and VARIANTS[row["variant"]].computes and summary["health"][row["variant"]]["healthy"]
    ]
    return max(counts, key=lambda row: float(row["throughput"]))["variant"] if counts else None
