"""How the instances of a model are served; it needs nothing but Python, because a plan reads it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Serving:
    """device: `cpu` or `cuda`. threads: of an instance, a number, `auto` or `all`. cuda_graphs: of engines alone.

    preferred_batch_size: that Triton forms as soon as it can; None for whatever waits. gpus: how many GPUs `cuda`
    means, each of which gets `instances` copies.
    """

    device: str
    instances: int
    threads: int | str
    max_queue_delay_us: int
    preferred_batch_size: int | None = None
    gpus: int = 1
    cuda_graphs: bool = False
