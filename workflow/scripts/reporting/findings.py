"""What the figures say besides the verdict: small rules, each with its evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from measurement.points import CEILING
from reporting.rows import Row, breakdown, headline, models, place, spread
from reporting.words import listed, milliseconds, number, percent

# Above this spread of the repeats a difference between variants says little.
SPREAD_LIMIT = 0.25
# Above this share of the ceiling a faster model would gain little; below the other one, protocol and scheduling are
# not what to mend.
NEAR_CEILING, FAR_FROM_CEILING = 0.8, 0.5
# A smaller loss of throughput at higher concurrency is noise.
FALL_LIMIT = 0.1

_PARTS = {
    "queue": "waiting in the server's queue",
    "compute": "computing in the server: input, inference and output",
    "rest": "spent outside the server: protocol, client and network",
}


@dataclass(frozen=True)
class Finding:
    """One statement; `rule` names what it was found by, `evidence` the figures that it rests on."""

    rule: str
    text: str
    evidence: str


def findings(
    rows: Sequence[Row], health: Mapping[str, Mapping[str, Any]], engines: Sequence[Mapping[str, Any]], opt: int
) -> list[Finding]:
    """All findings, those that put the figures in doubt first. `opt`: batch size that engines are tuned for."""
    return [
        *unhealthy(health),
        *precision(engines),
        *not_stable(rows),
        *wide_spread(rows),
        *ceiling_share(rows),
        *where_time_goes(rows),
        *batching(rows, opt),
        *falling(rows),
    ]


def unhealthy(health: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Variants that were not measured, as they are not what they promise."""
    for name, found in health.items():
        if not found["healthy"]:
            text = f"{name} failed its health check and was not measured."
            yield Finding("unhealthy", text, "; ".join(found["reasons"]))


def precision(engines: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Engines that compute in another precision than the one asked for."""
    for engine in engines:
        wanted, got = engine["precision"]["requested"], engine["precision"]["obtained"]
        if wanted != got:
            text = f"The {engine['backend']} engine computes in {got}, although {wanted} was requested."
            yield Finding("precision", text, f"requested {wanted}, obtained {got} on {engine['target']}")


def not_stable(rows: Sequence[Row]) -> Iterator[Finding]:
    """Points that are worth less than a stable one."""
    found = [row for row in rows if row["status"] != "stable"]
    if found:
        verb = "is" if len(found) == 1 else "are"
        text = f"{len(found)} of {len(rows)} points {verb} not stable: compare them with care."
        evidence = [f"{row['variant']} {place(row)}: {row['status'].replace('_', ' ')}" for row in found]
        yield Finding("not_stable", text, "; ".join(evidence))


def wide_spread(rows: Sequence[Row]) -> Iterator[Finding]:
    """Points whose repeats differ much."""
    found = [(row, share) for row in rows if (share := spread(row)) is not None and share > SPREAD_LIMIT]
    if found:
        noun = "point differ" if len(found) == 1 else "points differ"
        text = (
            f"The repeats of {len(found)} {noun} by more than {percent(SPREAD_LIMIT)}: "
            "a smaller difference between variants means little there."
        )
        evidence = [
            f"{row['variant']} {place(row)}: {number(row['throughput_min'])}–{number(row['throughput_max'])} infer/s"
            f" ({percent(share)})"
            for row, share in found
        ]
        yield Finding("wide_spread", text, "; ".join(evidence))


def ceiling_share(rows: Sequence[Row]) -> Iterator[Finding]:
    """How much of what protocol and scheduling allow each variant reaches."""
    level = headline(rows)
    ceiling = next((row for row in level if row["variant"] == CEILING), None)
    for row in models(level):
        share = row["ceiling_fraction"]
        if ceiling is None or share is None:
            continue
        if share > 1:
            meaning = "more than a model that computes nothing: the two are equal within the noise of this machine"
        elif share >= NEAR_CEILING:
            meaning = "protocol and scheduling set the pace, and a faster model would gain little"
        elif share < FAR_FROM_CEILING:
            meaning = "what it does beyond the ceiling takes most of the time"
        else:
            meaning = "the model and the way to it share the time"
        text = f"{row['variant']} reaches {percent(share)} of the ceiling {place(row)}: {meaning}."
        evidence = f"{number(row['throughput'])} of {number(ceiling['throughput'])} infer/s"
        yield Finding("ceiling_share", text, f"{evidence}; the ceiling's point is {ceiling['status']}")


def where_time_goes(rows: Sequence[Row]) -> Iterator[Finding]:
    """The largest part of each variant's latency at the highest concurrency."""
    for row in models(headline(rows)):
        parts = {name: value for name, value in breakdown(row).items() if value is not None}
        if total := sum(parts.values()):
            largest = max(parts, key=lambda name: parts[name])
            text = f"{percent(parts[largest] / total)} of {row['variant']}'s latency {place(row)} is {_PARTS[largest]}."
            shares = [f"{name} {percent(value / total)}" for name, value in parts.items()]
            yield Finding("where_time_goes", text, f"{listed(shares)} of {milliseconds(total)} ms")


def batching(rows: Sequence[Row], opt: int) -> Iterator[Finding]:
    """How full the batches are that reach an engine tuned for `opt`."""
    for row in models(headline(rows)):
        if row["effective_batch"] is not None:
            found, queue = number(row["effective_batch"], 1), breakdown(row)["queue"]
            text = f"{row['variant']} computes {found} samples at a time {place(row)}; the opt shape has {opt}."
            waited = "" if queue is None else f", {milliseconds(queue)} ms in the queue"
            yield Finding("batching", text, f"inferences per execution {found}{waited}")


def falling(rows: Sequence[Row]) -> Iterator[Finding]:
    """Variants that serve less at the highest concurrency than at a lower one."""
    for last in headline(rows):
        same = [
            row
            for row in rows
            if all(row[key] == last[key] for key in ("variant", "protocol", "batch_size")) and row["throughput"]
        ]
        best = max(same, key=lambda row: row["throughput"], default=last)
        if best is not last and last["throughput"] and 1 - last["throughput"] / best["throughput"] > FALL_LIMIT:
            loss = percent(1 - last["throughput"] / best["throughput"])
            text = f"{last['variant']} is past its peak {place(last)}: it serves {loss} less than {place(best)}."
            evidence = f"{number(best['throughput'])}, then {number(last['throughput'])} infer/s"
            yield Finding("falling", text, evidence)
