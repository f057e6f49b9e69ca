"""Settings of stage deploy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Deploy:
    """`deploy` of the config without the variant; image: Triton's, without docker://. smallest_batch: of a request."""

    image: str
    cpus: int
    memory_mib: int
    min_replicas: int
    max_replicas: int
    target_queue_us: int
    smallest_batch: int
