"""How the latency of a variant grows with the size of its inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analyse.rows import Row, breakdown, closed, models, place, variants
from model import shapes

_WAY = ["protocol", "batch_size", "shared_memory"]
# Time that grows by less than the input to this power grows less than in proportion, by more than the other one more.
LESS, MORE = 0.85, 1.15
KINDS = ("less than in proportion", "in proportion", "more than in proportion")


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
    """A load level in words of a sentence, without the shape."""
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
        return KINDS[(power >= LESS) + (power > MORE)]

    @property
    def computing(self) -> float | None:
        """Share of the server's computing in what the average latency grows by; None where it is not known."""
        parts = [breakdown(row)["compute"] for row in (self.small, self.large)]
        grown = self.large["latency_avg"] - self.small["latency_avg"]
        return None if parts[0] is None or parts[1] is None or grown <= 0 else (parts[1] - parts[0]) / grown


def growth(rows: Sequence[Row]) -> dict[str, Growth]:
    """By variant, over the widest range of sizes: stable rows at the lowest concurrency, where nothing waits."""
    stable = [row for row in models(by_size(rows, min)) if row["status"] == "stable" and row["latency_p50"]]
    found = {name: Growth(line[0], line[-1]) for name, line in variants(stable).items()}
    largest = max((one.size for one in found.values()), default=1.0)
    return {name: one for name, one in found.items() if one.size == largest > 1}
