"""Load levels: what is sent to a server, and how.

Concurrency is a closed loop: a request goes out when another has been answered, so that a slow server is asked less.
A request rate is an open loop: requests go out when they are due, whatever the server does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import ceil

CLOSED = "concurrency"


@dataclass(frozen=True)
class Load:
    """One load level; its fields are columns of the tables.

    batch_size: samples per request. concurrency: requests in flight, None where they are not what is held constant.
    load_mode: `concurrency`, or the distribution of the intervals between requests: `constant` or `poisson`.
    request_rate: requests per second. shared_memory: how tensors reach the server, `none` or `system`. shape: that of a
    sample of the model's inputs, as `spec:80x40`; empty where all axes are fixed.
    """

    protocol: str
    batch_size: int
    concurrency: int | None = None
    load_mode: str = CLOSED
    request_rate: float | None = None
    shared_memory: str = "none"
    shape: str = ""

    @property
    def name(self) -> str:
        """A name for files."""
        level = f"concurrency{self.concurrency}" if self.closed else f"{self.load_mode}{self.request_rate:g}"
        memory = "" if self.shared_memory == "none" else f"_{self.shared_memory}_shared_memory"
        shape = f"_{file_name(self.shape)}" if self.shape else ""
        return f"{self.protocol}_batch{self.batch_size}{shape}_{level}{memory}"

    @property
    def closed(self) -> bool:
        """Whether the server's answers set the pace."""
        return self.load_mode == CLOSED

    @property
    def interval(self) -> float:
        """Nanoseconds between two requests that are sent at a rate, on average."""
        assert self.request_rate is not None
        return 1e9 / self.request_rate


@dataclass(frozen=True)
class Grid:
    """Load levels as the lists that they are all combinations of: so thousands fit on a command line."""

    protocols: list[str]
    batch_sizes: list[int]
    concurrencies: list[int]
    request_distributions: list[str] = field(default_factory=list)
    request_rates: list[float] = field(default_factory=list)
    shared_memory: list[str] = field(default_factory=lambda: ["none"])
    shapes: list[str] = field(default_factory=lambda: [""])

    @property
    def loads(self) -> list[Load]:
        """All load levels, in a fixed order."""
        levels: list[tuple[int | None, str, float | None]] = [(one, CLOSED, None) for one in self.concurrencies]
        levels += [(None, mode, rate) for mode in self.request_distributions for rate in self.request_rates]
        sent = product(self.shared_memory, self.protocols, self.shapes, self.batch_sizes, levels)
        return [Load(protocol, batch, *level, memory, shape) for memory, protocol, shape, batch, level in sent]


@dataclass(frozen=True)
class Windows:
    """How a point is measured: a point is stable when its last three windows of `window_ms` differ by no more than
    `stability_percent`, within `max_windows`; the load repeats as many `samples`, in sequences of `sequence_length`
    where a state is kept."""

    window_ms: int
    stability_percent: float
    max_windows: int
    samples: int
    sequence_length: int | None = field(default=None, kw_only=True)


def longest(points: int, windows: Windows) -> int:
    """Minutes that a sweep may take: all windows of every point, three times where other processes disturb it.

    Seconds around a point: its samples, its connections, the server's statistics.
    """
    seconds = windows.max_windows * windows.window_ms / 1000 + 15
    return max(60, 10 + ceil(3 * points * seconds / 60))


def headline(loads: Sequence[Load]) -> Load:
    """The load to compare variants at: first protocol, shape, batch size and kind of memory, highest concurrency."""
    first, *others = [load for load in loads if load.closed]
    line = [first, *(one for one in others if replace(one, concurrency=first.concurrency) == first)]
    return max(line, key=lambda load: load.concurrency or 0)


def file_name(shape: str) -> str:
    """A shape as a part of names of files and in pages.

    >>> file_name("ids:40,mask:40")
    'ids-40_mask-40'
    """
    return shape.replace(":", "-").replace(",", "_")
