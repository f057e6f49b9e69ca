"""How the latency of a variant grows with the size of its inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analyse.finding import Finding
from analyse.formatting import capitalized, listed, milliseconds, percent, times
from analyse.rows import Row, breakdown, closed, models, place, variants
from model import shapes

_WAY = ["protocol", "batch_size", "shared_memory"]
# Time that grows by less than the input to this power grows less than in proportion, by more than the other one more.
LESS, MORE = 0.85, 1.15
_ADVICE = {
    "less than in proportion": "Small inputs pay a fixed part per request: send several in one, or let batches form.",
    "in proportion": "Computing sets the pace at every size: a faster engine gains at all of them.",
    "more than in proportion": "Long inputs are dear: divide them where the model allows it.",
}


def elements(row: Row) -> int:
    """Elements of all inputs of one sample: the size that shapes are compared by."""
    return sum(math.prod(dims) for dims in shapes.parse(row["shape"]).values())


def by_size(rows: Sequence[Row], choose: Any) -> list[Row]:
    """The rows of the first way of asking at the concurrency that is chosen, by size; none without a second shape."""
    first = [row for row in closed(rows) if all(row[key] == rows[0][key] for key in _WAY)]
    if len({row["shape"] for row in first}) < 2:
        return []
    level = choose(row["concurrency"] for row in first)
    return sorted((row for row in first if row["concurrency"] == level), key=elements)


def place_of_sizes(row: Row) -> str:
    return place({**row, "shape": ""})


@dataclass(frozen=True)
class Growth:
    """How the latency of a variant grows from its smallest to its largest shape."""

    small: Row
    large: Row

    @property
    def size(self) -> float:
        """The larger input over the smaller one."""
        return elements(self.large) / elements(self.small)

    @property
    def time(self) -> float:
        """The latency for the larger one over that for the smaller one."""
        return float(self.large["latency_p50"] / self.small["latency_p50"])

    @property
    def kind(self) -> str:
        """How the two compare: the power of the size that the time grows with."""
        power = math.log(self.time) / math.log(self.size)
        return list(_ADVICE)[(power >= LESS) + (power > MORE)]

    @property
    def computing(self) -> float | None:
        """Share of the server's computing in what the average latency grows by; None where it is not known."""
        parts = [breakdown(row)["compute"] for row in (self.small, self.large)]
        grown = self.large["latency_avg"] - self.small["latency_avg"]
        return None if parts[0] is None or parts[1] is None or grown <= 0 else (parts[1] - parts[0]) / grown


def growth(rows: Sequence[Row]) -> Finding | None:
    """How latency without a queue grows with the input, and what grows: stable rows at the lowest concurrency."""
    stable = [row for row in models(by_size(rows, min)) if row["status"] == "stable" and row["latency_p50"]]
    found = {name: Growth(line[0], line[-1]) for name, line in variants(stable).items()}
    found = {name: one for name, one in found.items() if one.size > 1}
    if not found:
        return None
    largest = max(one.size for one in found.values())
    found = {name: one for name, one in found.items() if one.size == largest}
    kinds = {kind: [name for name, one in found.items() if one.kind == kind] for kind in _ADVICE}
    kinds = {kind: names for kind, names in kinds.items() if names}
    factors = listed([f"{name} {times(one.time)}" for name, one in found.items()])
    judged = listed([f"{kind} ({listed(names)})" if len(kinds) > 1 else kind for kind, names in kinds.items()])
    where = capitalized(place_of_sizes(stable[0]))
    text = f"{where}, {times(largest)} the input takes {factors} as long, {judged}."
    evidence = "; ".join(f"{name}: {_evidence(one)}" for name, one in found.items())
    return Finding("input_size", text, evidence, " ".join(_ADVICE[kind] for kind in kinds))


def _evidence(one: Growth) -> str:
    computing = "" if one.computing is None else f", {percent(one.computing)} of the growth in the server's computing"
    ends = [f"{milliseconds(row['latency_p50'])} ms at {row['shape']}" for row in (one.small, one.large)]
    return f"{ends[0]}, {ends[1]}{computing}"
