"""Rounds drawn from measurements that were recorded on real servers.

tests/data/repeats: throughput over gRPC, batch 1, in every round a new server, the variants in turn. busy.csv: 26
rounds of four variants with other programs on the same two cores; quiet.csv: 3 rounds of six servers with nothing
beside them (`python benchmarks/pytriton_demo.py`).
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from analyse import tables
from conftest import ROOT
from record.points import HEAD_TO_HEAD_COLUMNS

RECORDED = ROOT / "tests" / "data" / "repeats"
ROUNDS = 9
LEVEL = {"protocol": "grpc", "batch_size": 1, "concurrency": 65, "load_mode": "concurrency", "shared_memory": "none"}


@cache
def recorded(name: str) -> pd.DataFrame:
    """The recorded turns at concurrency 65, as those of head_to_head."""
    table = pd.read_csv(RECORDED / f"{name}.csv", keep_default_na=False)
    table = table[table["concurrency"] == 65].rename(columns={"repeat": "round"})
    known = {**LEVEL, "shape": "", "status": "measured", "reason": "", "job": name, "host": "recorded"}
    return table.assign(**known).reindex(columns=HEAD_TO_HEAD_COLUMNS)


def measured(path: Path) -> pd.DataFrame:
    """The turns of a run: its perf/head_to_head/points.csv."""
    return tables.read_rounds(path)


def drawn(points: pd.DataFrame, generator: np.random.Generator, count: int = ROUNDS) -> pd.DataFrame:
    """A run that consists of some rounds of a recording: each at most once, if there are enough."""
    known = points["round"].unique()
    chosen = generator.choice(known, count, replace=len(known) < count)
    groups = dict(iter(points.groupby("round")))
    return pd.concat([groups[one].assign(round=number) for number, one in enumerate(chosen, 1)], ignore_index=True)


def like(points: pd.DataFrame, generator: np.random.Generator, count: int = ROUNDS) -> pd.DataFrame:
    """A run whose turns have the means and the deviations of a recording that is too short to draw from."""
    logs = np.log(points["throughput"]).groupby(points["variant"], sort=False)
    one = points.drop_duplicates("variant")
    table = pd.concat([one.assign(round=number) for number in range(1, count + 1)], ignore_index=True)
    mean, deviation = (table["variant"].map(figures) for figures in (logs.mean(), logs.std()))
    return table.assign(throughput=np.exp(generator.normal(mean, deviation)))


def slowed(points: pd.DataFrame, variant: str, factor: float) -> pd.DataFrame:
    """The same with one variant slower."""
    slow = points["throughput"].where(points["variant"] != variant, points["throughput"] * factor)
    return points.assign(throughput=slow)


def levelled(points: pd.DataFrame) -> pd.DataFrame:
    """The same with all variants equally fast: what differs is noise."""
    logs = np.log(points["throughput"])
    return points.assign(throughput=1000 * np.exp(logs - logs.groupby(points["variant"]).transform("mean")))


def ranked(points: pd.DataFrame) -> list[str]:
    """The variants that compute, the fastest first."""
    medians = points.groupby("variant")["throughput"].median().drop("null", errors="ignore")
    return list(medians.sort_values(ascending=False).index)
