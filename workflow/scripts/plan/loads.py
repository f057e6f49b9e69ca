"""Load levels: what is sent to a server, and how.

Concurrency is a closed loop: a request goes out when another has been answered, so that a slow server is asked less.
A request rate is an open loop: requests go out when they are due, whatever the server does.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model import shapes

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


def file_name(shape: str) -> str:
    """A shape as a part of names of files and in pages.

    >>> file_name("ids:40,mask:40")
    'ids-40_mask-40'
    """
    return shape.replace(":", "-").replace(",", "_")


def sample_shapes(config: Mapping[str, Any]) -> list[str]:
    """The shapes of samples that a config asks for, by default that of `profile.opt`.

    With all axes fixed there is one shape, which has no name: the model's own.
    """
    if not shapes.axes([tensor["dims"] for tensor in config["model"]["inputs"]]):
        return [""]
    opt = shapes.sample(shapes.parse(config["profile"]["opt"]))
    return config["sweep"]["shapes"] or [shapes.format(opt)]


def loads(sweep: Mapping[str, Any], samples: Sequence[str] = ("",)) -> list[Load]:
    """All load levels of the section `sweep` of the config, at each shape of `samples`, in a fixed order."""
    levels: list[tuple[int | None, str, float | None]] = [(one, CLOSED, None) for one in sweep["concurrencies"]]
    levels += [(None, mode, rate) for mode in sweep["request_distributions"] for rate in sweep["request_rates"]]
    combined = itertools.product(sweep["shared_memory"], sweep["protocols"], samples, sweep["batch_sizes"], levels)
    return [Load(protocol, batch, *level, memory, shape) for memory, protocol, shape, batch, level in combined]
