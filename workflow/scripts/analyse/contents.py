"""What perf_summary.json holds, as types; its schema (workflow/schemas) explains every key."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from analyse.job_times import Job
from analyse.rows import Row


class Parity(TypedDict):
    """How far outputs are from those of the reference: the worst of them, None where not defined, and each by name."""

    max_abs_error: float | None
    max_rel_error: float | None
    agreement: float | None
    outputs: dict[str, dict[str, Any]]


class Served(TypedDict):
    """What the health check found over one protocol; `parity` by batch size or shape, `paired` by model.comparison."""

    parity: dict[str, Parity]
    paired: dict[str, int] | None
    accuracy: float | None


class Health(TypedDict):
    """The health check of a variant; `protocols` by name."""

    variant: str
    server: dict[str, str]
    healthy: bool
    reasons: list[str]
    remarks: list[str]
    accuracy: float | None
    samples: int
    protocols: dict[str, Served]


class Records(TypedDict):
    """The JSON of the other stages, unchanged."""

    config: dict[str, Any]
    dataset: dict[str, Any] | None
    model: dict[str, Any] | None
    parity: dict[str, Any]
    versions: dict[str, Any]
    system: dict[str, Any]
    timeline: list[Job]
    published: dict[str, Any] | None


class Measured(Records):
    """What was measured, and what was computed from it."""

    rows: Sequence[Row]
    repeats: list[dict[str, Any]]
    rounds: list[dict[str, Any]]
    comparisons: list[dict[str, Any]]
    in_process: Sequence[Row]
    health: dict[str, Health]
    engines: Sequence[Mapping[str, Any]]
    metrics: list[str]
    reference: str


class Document(Measured):
    """The whole report: what was measured, and what is said of it."""

    run: str
    verdict: str
    verdict_details: list[str]
    sittings: list[str]
    choices: list[dict[str, Any]]
    precisions: list[dict[str, Any]]
    findings: list[dict[str, str]]
    caveats: list[str]
    fronts: list[dict[str, Any]]
    commands: list[dict[str, Any]]
