"""Sections sweep, compare and tune: what is measured, and what it is held against."""

from typing import Annotated, Literal

from pydantic import Field

from plan.config.values import (
    Amount,
    Amounts,
    Count,
    Counts,
    Distinct,
    File,
    Integer,
    InWords,
    Listed,
    OneOf,
    OptionalFile,
    Positive,
    Section,
    Shapes,
)
from serve.variants import OF_ONE_MODEL

Endpoint = Annotated[
    str, Field(pattern=r"^[^\s/:]+:[0-9]{1,5}$"), InWords("an endpoint", "write host and port, as localhost:8000")
]
# Model Analyzer takes whole numbers.
Constraint = Annotated[
    str,
    Field(pattern=r"^perf_(throughput >=|latency_(avg|p90|p95|p99) <=) [1-9][0-9]{0,8}$"),
    InWords("a constraint", "write perf_latency_p99 <= 20 or perf_throughput >= 500, with a whole number"),
]


class Sweep(Section):
    protocols: Annotated[tuple[Literal["grpc", "http"], ...], Listed, Distinct] = Field(
        min_length=1, description="`grpc`, `http` or both."
    )
    shapes: Annotated[tuple[Shapes, ...], Listed, Distinct] = Field(
        description="Shapes of a sample, as in `profile` but without the batch axis (`spec:80x40`); empty: that of "
        "`profile.opt`."
    )
    batch_sizes: Counts = Field(min_length=1, description="Samples per request.")
    concurrencies: Counts = Field(min_length=1, description="Requests in flight.")
    request_rates: Annotated[tuple[Positive, ...], Listed, Distinct] = Field(
        description="Requests per second, sent when they are due."
    )
    request_distributions: Annotated[tuple[Literal["constant", "poisson"], ...], Listed, Distinct] = Field(
        min_length=1, description="Intervals between requests sent at a rate: `constant`, `poisson` or both."
    )
    slo_ms: Positive = Field(
        description="The objective, in milliseconds: the p99 latency that the report's recommendation keeps, and the "
        "longest time from when a request at a rate is due to its answer."
    )
    shared_memory: Annotated[tuple[Literal["none", "system"], ...], Listed, Distinct] = Field(
        min_length=1,
        description="How tensors reach the server: in the request (`none`), by `system` shared memory, or both in "
        "turn.",
    )
    repeats: Count = Field(le=1000, description="Measurements of each point, the variants taking turns.")
    rounds: Count = Field(description="Rounds in which all variants are measured head to head at the highest load.")
    until: Positive | None = Field(
        description="Half the width of the intervals of the verdict's ratios, in per cent, until which rounds of the "
        "variants that decide it are added; null: no more."
    )
    added_rounds: Amount = Field(description="Most rounds that are added.")
    max_foreign_cpu: Positive = Field(
        description="Cores that other processes may use during a measurement; above, it is repeated, then marked."
    )
    window_ms: Integer = Field(ge=100, description="Length of one of perf_analyzer's windows, in milliseconds.")
    stability_percent: Positive = Field(
        description="Largest difference of the last three windows of a stable point, in per cent."
    )
    max_windows: Integer = Field(ge=3, description="Windows after which a point is reported as unstable.")
    samples: Count = Field(description="Test samples that the load repeats.")
    sequence_length: Count = Field(description="Requests of a sequence, for a model with `model.state`.")


class Report(Section):
    cost_per_hour: Positive | None = Field(
        description="What the machine costs an hour, in any currency: the report then says what a million answers cost."
    )


class Compare(Section):
    base: OptionalFile = Field(
        description="`perf_summary.json` of the run that this one must not be slower than; empty for none."
    )
    margin_percent: float = Field(
        ge=0, lt=100, description="Largest slow-down that passes although it is shown, in per cent."
    )
    against_ceiling: bool = Field(description="Whether each variant is compared relative to the ceiling of its run.")


class Remote(Section):
    http: Endpoint = Field(description="Host and port for HTTP.")
    grpc: Endpoint = Field(description="Host and port for gRPC.")
    metrics: Annotated[
        str, Field(pattern=r"^https?://\S+$"), InWords("a URL", "write http://localhost:8002/metrics")
    ] = Field(description="URL of its metrics.")


class Search(Section):
    instances: Counts = Field(description="Copies of the model (`instance_group.count`).")
    max_batch_sizes: Counts = Field(description="Triton's `max_batch_size`, at most the batch of `profile.max`.")
    preferred_batch_sizes: Amounts = Field(description="Triton's `preferred_batch_size`; 0 is none.")
    queue_delays_us: Amounts = Field(description="How long a request may wait for others, in microseconds.")
    threads: Counts = Field(description="CPU threads of each instance.")
    concurrencies: Counts = Field(min_length=1, description="Requests in flight.")


class Tune(Section):
    variants: Annotated[tuple[Annotated[str, OneOf(OF_ONE_MODEL)], ...], Listed, Distinct] = Field(
        min_length=1, description="What is searched; variants with a repository of one model."
    )
    model_analyzer: File = Field(description="The program `model-analyzer`; `make` installs it at the default place.")
    launch: Literal["local", "docker", "remote"] = Field(
        description="Who starts the Triton that is searched; `docker` is for `native`."
    )
    remote: Remote = Field(description="Endpoints of the Triton of `launch` `remote`.")
    mode: Literal["manual", "brute", "quick", "optuna", "halving"] = Field(
        description="`manual` measures every combination; `brute`, `quick` and `optuna` are Model Analyzer's searches; "
        "`halving` is this workflow's own."
    )
    search: Search = Field(description="Lists of what is varied; an empty one leaves what the variant has.")
    max_trials: Count = Field(description="Trials of mode `optuna`.")
    objectives: Annotated[
        tuple[
            Literal["perf_throughput", "perf_latency_avg", "perf_latency_p90", "perf_latency_p95", "perf_latency_p99"],
            ...,
        ],
        Listed,
        Distinct,
    ] = Field(
        min_length=1,
        description="What is best: a high throughput or low latencies. Several have equal weights.",
    )
    constraints: Annotated[tuple[Constraint, ...], Listed] = Field(
        description="What must hold: `perf_latency_p99 <= 20` (milliseconds), `perf_throughput >= 500` (per second)."
    )
    rounds: Integer = Field(ge=2, description="Rounds in which the winner is measured again, in turn with the default.")
