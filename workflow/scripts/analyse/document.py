"""perf_summary.json: all that the report shows (workflow/schemas/perf_summary.schema.json)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd

from analyse.choices import choices
from analyse.contents import Document, Health, Measured, Records
from analyse.findings import findings
from analyse.formatting import listed, number
from analyse.head_to_head import comparisons
from analyse.pareto import fronts
from analyse.precision import precisions
from analyse.sittings import sittings
from analyse.summary import SAMPLES_WANTED, SUMMARY_COLUMNS
from analyse.tables import records
from analyse.verdict import contenders, verdict
from model import shapes
from program.files import read_json
from record.points import POINT, REPEAT_COLUMNS

SCHEMA = Path(__file__).parents[2] / "schemas" / "perf_summary.schema.json"


def document(
    summary: pd.DataFrame,
    repeats: pd.DataFrame,
    rounds: pd.DataFrame,
    in_process: Sequence[Mapping[str, Any]],
    health: Mapping[str, Health],
    engines: Sequence[Mapping[str, Any]],
    records_of: Records,
) -> Document:
    """The whole report as data, checked against its schema.

    `rounds`: the turns of head_to_head; `in_process`: measurements of models without a server; `health` by variant;
    `records_of`: what the other stages say. Columns of `summary` beyond those of all models are this one's metrics.
    """
    rows = records(summary)
    config = records_of["config"]
    opt = shapes.batch(shapes.stacked(shapes.parse(config["profile"]["opt"]), config["model"]["batching"]))
    ranked = [row["variant"] for row in contenders(rows, health)]
    fit = rounds[rounds["variant"].isin([name for name, found in health.items() if found["healthy"]])]
    pairs = comparisons(fit, ranked, config["serving"]["inner"])
    measured: Measured = {
        "rows": rows,
        "repeats": records(repeats[[name for name in REPEAT_COLUMNS if name != "command"]]),
        "rounds": records(rounds),
        "comparisons": [asdict(one) for one in pairs],
        "in_process": list(in_process),
        "health": dict(health),
        "engines": list(engines),
        "metrics": [name for name in summary.columns if name not in SUMMARY_COLUMNS],
        # What computed the outputs that all others are compared with.
        "reference": "ONNX Runtime" if config["model"]["onnx"] else "PyTorch",
        **records_of,
    }
    found = verdict(rows, health, measured["comparisons"], measured["reference"])
    result: Document = {
        "run": config["run"],
        "verdict": found.text,
        "verdict_details": found.details,
        "sittings": sittings(repeats, rounds),
        "choices": choices(rows, health, config),
        "precisions": precisions(rows, health, measured["comparisons"], records_of["system"]["cpu_flags"]),
        "findings": [asdict(one) for one in findings(measured, opt)],
        "caveats": caveats(repeats, health),
        "fronts": fronts(rows, health),
        **measured,
        "commands": commands(repeats),
    }
    jsonschema.validate(result, read_json(SCHEMA))
    return result


def commands(repeats: pd.DataFrame) -> list[dict[str, Any]]:
    """The command of each point that was measured; the repeats differ only in ports and temporary files."""
    measured = repeats[repeats["command"] != ""]
    return records(measured.drop_duplicates(POINT)[[*POINT, "command"]])


def caveats(repeats: pd.DataFrame, health: Mapping[str, Health]) -> list[str]:
    """What to keep in mind when reading the figures."""
    result = ["The server and the load generator run on the same cores, and each takes time from the other."]
    requests = repeats["requests"].dropna()
    if len(requests):
        wanted = [f"{number(count)} for {name.removeprefix('latency_')}" for name, count in SAMPLES_WANTED.items()]
        result.append(
            f"Percentiles rest on {number(requests.min())} to {number(requests.max())} requests per point and repeat."
            f" MLPerf asks for {listed(wanted)} at 99 % confidence: with fewer they are indications."
        )
    servers = sorted({found["server"]["version"] for found in health.values() if found["server"]["kind"] == "bundled"})
    if servers:
        result.append(
            f"The bundled Triton ({listed(servers)}) has known vulnerabilities that only later releases fix:"
            " keep it on the loopback interface, where this workflow starts it."
        )
    result.append("Compare figures within this run only: another machine, version or day gives other figures.")
    return result
