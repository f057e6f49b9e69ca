"""Settings of stage tune."""

from dataclasses import dataclass

from model.signature import Signature, Tensor
from plan.loads import Windows
from plan.settings.perf import Target


@dataclass(frozen=True)
class Environment:
    """model_analyzer: the program."""

    model_analyzer: str


@dataclass(frozen=True)
class Launch:
    """Who starts the server: mode `local`; `docker`, with an image; `remote`, with endpoints."""

    mode: str
    image: str = ""
    http: str = ""
    grpc: str = ""
    metrics: str = ""


@dataclass(frozen=True)
class Lists:
    """`tune.search`: the values of each setting; an empty list leaves what the variant has."""

    instances: list[int]
    max_batch_sizes: list[int]
    preferred_batch_sizes: list[int]
    queue_delays_us: list[int]
    threads: list[int]
    concurrencies: list[int]


@dataclass(frozen=True)
class Goal:
    """objectives and constraints in Model Analyzer's words: a metric, then `min` or `max` and the bound."""

    objectives: list[str]
    constraints: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Sent(Windows):
    """What every measurement of a search and of its proof sends: over which protocol, in which shape."""

    protocol: str
    shape: str


@dataclass(frozen=True)
class Search:
    """steering: the goal, None where every combination is measured. inputs: `model.inputs`; model: as served."""

    server: str
    launch: Launch
    mode: str
    search: Lists
    max_trials: int
    steering: Goal | None
    batch_size: int
    windows: Sent
    model: Signature
    inputs: list[Tensor]


@dataclass(frozen=True)
class Halving:
    """goal: what ranks the contestants; target: the variant; max_foreign_cpu: cores that other processes use."""

    server: str
    search: Lists
    goal: Goal
    batch_size: int
    windows: Sent
    target: Target
    max_foreign_cpu: float


@dataclass(frozen=True)
class Proof:
    """rounds: how often the winner and the default are measured in turn."""

    server: str
    launch: Launch
    rounds: int
    windows: Sent
    model: Signature
    inputs: list[Tensor]


@dataclass(frozen=True)
class Choice:
    """What was searched: launch as its mode; choice.json says all of it again."""

    variant: str
    launch: str
    mode: str
    search: Lists
    shape: str
    objectives: list[str]
    constraints: dict[str, dict[str, int]]


@dataclass(frozen=True)
class TuneReport:
    """model: its name in the config."""

    run: str
    model: str
