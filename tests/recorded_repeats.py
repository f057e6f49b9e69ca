"""Repeats recorded on real servers, and runs drawn from them.

tests/data/repeats: throughput over gRPC, batch 1, every round a new server, the variants in turn. busy.csv: 26 rounds
of four variants with other programs on the same two cores; quiet.csv: 3 rounds of six servers with nothing beside them
(`python benchmarks/pytriton_demo.py`).
"""

import numpy as np
import pandas as pd

from conftest import ROOT

RECORDED = ROOT / "tests" / "data" / "repeats"
REPEATS = 3


def recorded(name: str) -> pd.DataFrame:
    """A recording as a table of points as measured."""
    table = pd.read_csv(RECORDED / f"{name}.csv", keep_default_na=False)
    level = {"protocol": "grpc", "batch_size": 1, "load_mode": "concurrency", "request_rate": None}
    return table.assign(**level, shared_memory="none", shape="").astype(
        {"concurrency": "Int64", "request_rate": "Float64"}
    )


def run_of(table: pd.DataFrame, rounds: list[int]) -> pd.DataFrame:
    """A run that consists of these rounds of a recording."""
    return pd.concat([table[table["repeat"] == one].assign(repeat=number) for number, one in enumerate(rounds, 1)])


def two_runs(table: pd.DataFrame, generator: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two runs of the same thing: rounds of a recording, drawn without replacement."""
    rounds = generator.permutation(table["repeat"].unique())
    return run_of(table, list(rounds[:REPEATS])), run_of(table, list(rounds[REPEATS : 2 * REPEATS]))


def like(table: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """A run whose points have the means and the deviations of a recording that is too short to draw from."""
    logs = np.log(table["throughput"]).groupby([table["variant"], table["concurrency"]])
    return table.assign(throughput=np.exp(generator.normal(logs.transform("mean"), logs.transform("std"))))


def slowed(table: pd.DataFrame, variant: str, factor: float) -> pd.DataFrame:
    """The same with one variant slower."""
    return table.assign(throughput=table["throughput"].where(table["variant"] != variant, table["throughput"] * factor))


def levelled(table: pd.DataFrame) -> pd.DataFrame:
    """The same with all variants equally fast at each level: what differs is noise."""
    medians = table.groupby(["variant", "concurrency"])["throughput"].transform("median")
    return table.assign(throughput=table["throughput"] / medians * 1000)
