"""What the figures say besides the verdict: small rules, each with its evidence and what to do about it.

A rule looks at all variants and says one thing about those that it concerns, or nothing. Its figures are the stable
ones at the highest concurrency of the first protocol and batch size (`level`), unless it says otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from analyse.checks import agreement, checks
from analyse.contents import Health, Measured
from analyse.formatting import capitalized, listed, milliseconds, number, percent, times
from analyse.formatting import ratio as in_words
from analyse.growth import KINDS, Growth, growth, place_of_sizes
from analyse.head_to_head import between
from analyse.rows import Row, breakdown, closed, headline, layers, models, place, variants
from analyse.summary import SAMPLES_WANTED
from record.points import CEILING

# Points that the evidence names; the table of points has all.
SHOWN = 4
# Variants that a sentence lists one by one.
FEW = 2
# Below this share of the bound, neither the ceiling nor the model explains the speed.
FAR = 0.5
# Shares of the latency that are worth a sentence: of waiting in the server, of being outside of it.
LONG_QUEUE, MOSTLY_OUTSIDE = 0.4, 0.5
# Batches below this share of the opt shape are not what the engine was tuned for.
FULL_BATCH = 0.5
GROWTH_ADVICE = dict(
    zip(
        KINDS,
        (
            "Small inputs pay a fixed part per request: send several in one, or let batches form.",
            "Computing sets the pace at every size: a faster engine gains at all of them.",
            "Long inputs cost more than their share: split them where the model allows it.",
        ),
    )
)


@dataclass(frozen=True)
class Finding:
    """One statement: `rule` is what it was found by, `evidence` the figures it rests on, `advice` what to do."""

    rule: str
    text: str
    evidence: str
    advice: str


Found = Iterator[Finding]


def findings(document: Measured, opt: int) -> list[Finding]:
    """All findings, those that put the figures in doubt first. `opt`: batch size that engines are tuned for."""
    rows, comparisons = document["rows"], document["comparisons"]
    health = {name: one for name, one in document["health"].items() if one["healthy"] and name != CEILING}
    level = [row for row in headline(rows) if row["status"] == "stable"]
    inner = document["config"]["serving"]["inner"]
    found = chain(
        unhealthy(document["health"]),
        precision(document["engines"]),
        answers(health, document["reference"]),
        accuracy(health, document["model"], document["dataset"]),
        not_stable(rows),
        client_bound(rows),
        limits(level),
        below_bound(level),
        queue(level, opt),
        outside(level),
        batching(level, opt),
        pytriton(level, comparisons, inner),
        pipelines(level, comparisons, inner),
        falling(rows),
        input_size(rows),
        indicative(rows),
    )
    return list(found)


# Rules that put figures in doubt


def unhealthy(health: Mapping[str, Health]) -> Found:
    """Variants that do not compete because their health check failed."""
    if found := {name: one["reasons"] for name, one in health.items() if not one["healthy"]}:
        text = f"{listed(list(found))} failed the health check and {_verb(found, 'is', 'are')} left out of comparisons."
        evidence = "; ".join(f"{name}: {', '.join(reasons)}" for name, reasons in found.items())
        yield Finding("unhealthy", text, evidence, "Read the servers' logs in logs/healthcheck/ of the run.")


def precision(engines: Sequence[Mapping[str, Any]]) -> Found:
    """Engines that compute in another precision than the one asked for."""
    if found := [one for one in engines if one["precision"]["requested"] != one["precision"]["obtained"]]:
        texts = [f"the {one['backend']} engine computes in {one['precision']['obtained']}" for one in found]
        evidence = [f"{one['backend']}: {one['precision']['requested']} requested, on {one['target']}" for one in found]
        text = capitalized(f"{listed(texts)}, which was not requested.")
        yield Finding("precision", text, "; ".join(evidence), "Judge its speed and its errors by what it computes in.")


def answers(health: Mapping[str, Health], reference: str) -> Found:
    """Healthy variants that do not answer as the reference does on every sample."""
    shares = {name: agreement(checks(one)) for name, one in health.items()}
    if found := {name: same for name, same in shares.items() if same is not None and same < 1}:
        text = f"{listed(list(found))} {_verb(found, 'differs', 'differ')} from {reference} on some samples."
        evidence = listed([f"{name} {percent(same, 2)}" for name, same in found.items()])
        advice = "Look at the errors in “Accuracy and parity” before the speed."
        yield Finding("answers", text, f"same answers: {evidence}", advice)


def accuracy(health: Mapping[str, Health], model: Mapping[str, Any] | None, dataset: Mapping[str, Any] | None) -> Found:
    """Healthy variants that are less accurate than PyTorch on the same whole test set."""
    pytorch = (model or {}).get("accuracy")
    if pytorch is None or dataset is None:
        return
    samples = dataset["test"]["count"]
    whole = {name: one["accuracy"] for name, one in health.items() if one["samples"] == samples}
    if found := {name: share for name, share in whole.items() if share is not None and share < pytorch}:
        shares = listed([f"{name} {percent(share, 2)}" for name, share in found.items()])
        text = f"{listed(list(found))} {_verb(found, 'is', 'are')} less accurate than PyTorch."
        evidence = f"{shares}; PyTorch {percent(pytorch, 2)}, on the same {number(samples)} samples"
        yield Finding("accuracy", text, evidence, "Decide whether the speed is worth the wrong answers.")


def not_stable(rows: Sequence[Row]) -> Found:
    """Points without a stable figure."""
    if found := [row for row in rows if row["status"] in ("unstable", "failed")]:
        text = f"{len(found)} of {len(rows)} points {_verb(found, 'is', 'are')} not stable: compare with care."
        evidence = _some([f"{row['variant']} {place(row)}: {row['status']}" for row in found])
        advice = "Measure on a quieter machine, or raise sweep.window_ms or sweep.max_windows."
        yield Finding("not_stable", text, evidence, advice)


def client_bound(rows: Sequence[Row]) -> Found:
    """Points at which the load generator was too slow."""
    if found := [row for row in rows if row["status"] == "client_bound"]:
        text = f"The load generator, not the server, set the pace at {len(found)} of {len(rows)} points."
        evidence = _some([f"{row['variant']} {place(row)}: {row['reason']}" for row in found])
        advice = "Those servers can do more: give the load generator cores of its own."
        yield Finding("client_bound", text, evidence, advice)


def indicative(rows: Sequence[Row]) -> Found:
    """Percentiles that rest on few requests."""
    if found := [row for row in rows if "p99" in row["indicative"]]:
        counts = [row["percentile_requests"] for row in found]
        text = f"Too few requests make p99 an indication at {len(found)} of {len(rows)} points."
        wanted = number(SAMPLES_WANTED["latency_p99"])
        evidence = f"{number(min(counts))} to {number(max(counts))} requests per repeat; MLPerf asks for {wanted}"
        yield Finding("indicative", text, evidence, "Raise sweep.window_ms where tail latency decides.")


# Rules that tell what sets the pace


def limits(level: Sequence[Row]) -> Found:
    """Which of ceiling and model costs more of the bound that they set together, and how much of it is reached."""
    bounded = [row for row in models(level) if row["bound"] is not None]
    server = [row for row in bounded if row["ceiling_fraction"] >= row["in_process_fraction"]]
    model = [row for row in bounded if row["ceiling_fraction"] < row["in_process_fraction"]]
    if server:
        text = f"Protocol and scheduling cost more of the bound than the model does; {_reached(server)}."
        advice = "More samples per request or more cores for the server gain most here."
        yield Finding("server_limits", text, _costs(server), advice)
    if model:
        text = f"The model costs more of the bound than protocol and scheduling do; {_reached(model)}."
        advice = "A faster engine or a lower precision gains most here; measure before raising serving.threads."
        yield Finding("model_limits", text, _costs(model), advice)


def below_bound(level: Sequence[Row]) -> Found:
    """Variants that reach less than half of their bound."""
    if found := [row for row in models(level) if row["bound"] is not None and row["bound_fraction"] < FAR]:
        text = f"{_names(found)} {_verb(found, 'loses', 'lose')} more than half of the bound on the way to the model."
        shares = "; ".join(f"{row['variant']}: {number(row['throughput'])} of {number(row['bound'])}" for row in found)
        advice = "Look for Python between server and model, which copies every request; a native backend has none."
        yield Finding("below_bound", text, f"{shares} samples/s {place(found[0])}", advice)


def queue(level: Sequence[Row], opt: int) -> Found:
    """Variants whose requests wait long in the server's queue."""
    if found := _parts(level, "queue", LONG_QUEUE):
        shares = listed([f"{row['variant']} {percent(share)}" for row, share in found])
        text = f"Requests spend much of their latency in the server's queue: {shares}."
        evidence = "; ".join(
            f"{row['variant']}: {milliseconds(row['server_queue'])} of {milliseconds(row['latency_avg'])} ms"
            + ("" if row["effective_batch"] is None else f", effective batch {number(row['effective_batch'])} of {opt}")
            for row, _ in found
        )
        advice = "Fewer requests in flight cut the latency; measure before raising serving.instances or .threads."
        yield Finding("queue", text, f"{evidence}; {place(found[0][0])}", advice)


def outside(level: Sequence[Row]) -> Found:
    """Variants whose requests spend most of their time outside the server.

    Of an ensemble that is not known: what its steps wait in the server is in the rest, too.
    """
    if found := _parts([row for row in level if row["variant"] != "ensemble"], "rest", MOSTLY_OUTSIDE):
        shares = listed([f"{row['variant']} {percent(share)}" for row, share in found])
        text = f"Most of the latency arises outside the server: {shares}."
        evidence = "; ".join(
            f"{row['variant']}: {milliseconds(breakdown(row)['rest'])} of {milliseconds(row['latency_avg'])} ms"
            for row, _ in found
        )
        advice = "It goes to protocol, load generator and network: send larger requests, or give the client own cores."
        yield Finding("outside", text, f"{evidence}; {place(found[0][0])}", advice)


def batching(level: Sequence[Row], opt: int) -> Found:
    """Variants whose batches stay far below the opt shape although enough requests are in flight."""
    found = [
        row
        for row in models(level)
        if row["effective_batch"] is not None
        and row["concurrency"] * row["batch_size"] >= opt
        and row["effective_batch"] < FULL_BATCH * opt
    ]
    if found:
        sizes = listed([f"{row['variant']} {number(row['effective_batch'], 1)}" for row in found])
        text = f"Batches stay far below the opt shape of {opt}."
        advice = "Set profile.opt nearer to the batches that form; measure before raising serving.max_queue_delay_us."
        yield Finding("batching", text, f"samples per execution {place(found[0])}: {sizes}", advice)


def pytriton(level: Sequence[Row], comparisons: Sequence[Mapping[str, Any]], inner: str) -> Found:
    """What PyTriton costs: the same engine behind it and in a repository."""
    for _, speed, evidence in _beside_inner(["pytriton_engine"], level, comparisons, inner):
        text = f"Behind PyTriton the engine of {inner} serves {speed} what it does in a repository."
        yield Finding("pytriton", text, evidence, "Serve from a repository what needs no Python around it.")


def pipelines(level: Sequence[Row], comparisons: Sequence[Mapping[str, Any]], inner: str) -> Found:
    """What preparing and interpreting in the server cost, against the engine model that is called."""
    if found := list(_beside_inner(["bls", "ensemble"], level, comparisons, inner)):
        speeds = listed([f"{name} serves {speed}" for name, speed, _ in found])
        text = f"With preparing and interpreting in the server, {speeds} what {inner} does."
        advice = (
            "In return clients send raw samples and get answers; prepare in the client where throughput counts more."
        )
        yield Finding("pipelines", text, "; ".join(f"{name}: {evidence}" for name, _, evidence in found), advice)


def falling(rows: Sequence[Row]) -> Found:
    """Variants that serve less at their highest concurrency than at a lower one, over any protocol and batch size.

    Of points whose intervals lie apart; one that was measured once or twice has none.
    """
    found = []
    for layer in layers(closed(models(rows))):
        for line in variants(layer.rows).values():
            served = [row for row in line if row["throughput_low"] is not None and row["status"] == "stable"]
            best = max(served, key=lambda row: row["throughput"], default=None)
            if best and served[-1]["throughput_high"] < best["throughput_low"]:
                found.append((best, served[-1]))
    if found:
        fallen = list(dict.fromkeys(best["variant"] for best, _ in found))
        text = f"{listed(fallen)} {_verb(fallen, 'serves', 'serve')} less at the highest concurrency than below it."
        evidence = [
            f"{best['variant']}: {number(best['throughput'])} infer/s {place(best)},"
            f" {number(last['throughput'])} {place(last)}"
            for best, last in found
        ]
        advice = "Limit the requests in flight to where the throughput is highest."
        yield Finding("falling", text, _some(evidence), advice)


def input_size(rows: Sequence[Row]) -> Found:
    """How latency without a queue grows with the input, and what grows."""
    if found := growth(rows):
        one = next(iter(found.values()))
        kinds = {kind: [name for name, one in found.items() if one.kind == kind] for kind in KINDS}
        kinds = {kind: names for kind, names in kinds.items() if names}
        factors = listed([f"{name} {times(one.time)}" for name, one in found.items()])
        judged = listed([f"{kind} ({listed(names)})" if len(kinds) > 1 else kind for kind, names in kinds.items()])
        text = f"{times(one.size)} the input takes {factors} as long {place_of_sizes(one.small)}, {judged}."
        evidence = "; ".join(f"{name}: {_ends(one)}" for name, one in found.items())
        yield Finding("input_size", text, evidence, " ".join(GROWTH_ADVICE[kind] for kind in kinds))


def _server_share(row: Row) -> float:
    """Share of the ceiling in the time that the bound allows a sample; the rest is the model's."""
    return float(row["bound"] * row["ceiling_fraction"] / row["throughput"])


def _reached(rows: Sequence[Row]) -> str:
    """How much of its bound each row reaches; of many, the least and the most."""
    reached = sorted(rows, key=lambda row: row["bound_fraction"])
    if len(rows) > FEW:
        least, most = (f"{percent(row['bound_fraction'])} ({row['variant']})" for row in (reached[0], reached[-1]))
        return f"{least} to {most} of it is reached"
    return listed([f"{row['variant']} reaches {percent(row['bound_fraction'])} of it" for row in rows])


def _costs(rows: Sequence[Row]) -> str:
    shares = [f"{row['variant']} {number(row['bound'])} ({percent(_server_share(row))})" for row in rows]
    return f"bound in samples/s, and what protocol and scheduling take of it, {place(rows[0])}: {listed(shares)}"


def _parts(level: Sequence[Row], part: str, limit: float) -> list[tuple[Row, float]]:
    """Models of which a part of the latency has at least a share, the largest share first."""
    shares = [(row, value / row["latency_avg"]) for row in models(level) if (value := breakdown(row)[part])]
    return sorted((one for one in shares if one[1] >= limit), key=lambda one: -one[1])


def _beside_inner(
    names: Sequence[str], level: Sequence[Row], comparisons: Sequence[Mapping[str, Any]], inner: str
) -> Iterator[tuple[str, str, str]]:
    """Variants that differ from the engine model `inner`: their name, the ratio in words, the evidence."""
    rows = {row["variant"]: row for row in level}
    for name in names:
        found = between(comparisons, name, inner) if {name, inner} <= set(rows) else None
        if found and found.ratio and found.difference_shown:
            served = [number(rows[one]["throughput"]) for one in (name, inner)]
            evidence = f"{listed(served)} infer/s {place(rows[name])}; {found.rounds} rounds"
            yield name, in_words(found.ratio), evidence


def _ends(one: Growth) -> str:
    computing = "" if one.computing is None else f", {percent(one.computing)} of the growth in the server's computing"
    ends = [f"{milliseconds(row['latency_p50'])} ms at {row['shape']}" for row in (one.small, one.large)]
    return f"{ends[0]}, {ends[1]}{computing}"


def _some(parts: Sequence[str]) -> str:
    """The first parts, and how many more there are."""
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return "; ".join(parts[:SHOWN]) + more


def _names(rows: Sequence[Row]) -> str:
    return listed([row["variant"] for row in rows])


def _verb(found: Any, singular: str, plural: str) -> str:
    return singular if len(found) == 1 else plural
