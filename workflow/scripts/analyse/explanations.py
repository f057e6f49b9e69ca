"""Rules that tell what sets the pace: queue, batches, ceiling, computing, what stands between client and model.

`level`: the stable rows at the load that is compared first.
"""

from collections.abc import Iterable, Sequence

from analyse.finding import Finding, at, is_or_are, names, some
from analyse.formatting import listed, milliseconds, number, percent
from analyse.formatting import ratio as in_words
from analyse.intervals import Interval
from analyse.ratios import Comparisons, ratio
from analyse.rows import Row, breakdown, closed, layers, models, place, variants
from record.points import CEILING

# Above this share of the ceiling a faster model would gain little; below the other one, protocol and scheduling are
# not what to mend. The same of what the model does without a server.
NEAR, FAR = 0.8, 0.5
# A smaller loss of throughput at higher concurrency is noise.
FALL_LIMIT = 0.1
# A part of the latency that is worth a word.
LARGE_PART = 0.4
# Batches below this share of the opt shape are not what the engine was tuned for.
FULL_BATCH = 0.5


def queue(level: Sequence[Row], opt: int) -> Finding | None:
    """Variants whose requests wait long in the server's queue."""
    found = _parts(level, "queue", LARGE_PART)
    if not found:
        return None
    shares = listed([f"{row['variant']} {percent(share)}" for row, share in found])
    text = f"{at(found[0][0])}, a large part of the latency is waiting in the server's queue: {shares}."
    evidence = "; ".join(
        f"{row['variant']}: {milliseconds(row['server_queue'])} of {milliseconds(row['latency_avg'])} ms"
        + ("" if row["effective_batch"] is None else f", effective batch {number(row['effective_batch'])} of {opt}")
        for row, _ in found
    )
    advice = "Fewer requests in flight cut the latency; serving.instances and serving.threads help where cores idle."
    return Finding("queue", text, evidence, advice)


def outside(level: Sequence[Row]) -> Finding | None:
    """Variants whose requests spend most of their time outside the server.

    Of an ensemble that is not known: what its steps wait in the server is in the rest, too.
    """
    found = _parts([row for row in level if row["variant"] != "ensemble"], "rest", 0.5)
    if not found:
        return None
    shares = listed([f"{row['variant']} {percent(share)}" for row, share in found])
    text = f"{at(found[0][0])}, most of the latency is spent outside the server: {shares}."
    evidence = "; ".join(
        f"{row['variant']}: {milliseconds(breakdown(row)['rest'])} of {milliseconds(row['latency_avg'])} ms"
        for row, _ in found
    )
    advice = "That is protocol, load generator and network: larger requests or a client with its own cores change it."
    return Finding("outside", text, evidence, advice)


def batching(level: Sequence[Row], opt: int) -> Finding | None:
    """Variants whose batches stay far below the opt shape although enough requests are in flight."""
    found = [
        row
        for row in models(level)
        if row["effective_batch"] is not None
        and row["concurrency"] * row["batch_size"] >= opt
        and row["effective_batch"] < FULL_BATCH * opt
    ]
    if not found:
        return None
    sizes = listed([f"{row['variant']} {number(row['effective_batch'], 1)}" for row in found])
    text = f"{at(found[0])}, batches stay far below the opt shape of {opt}."
    advice = (
        "Set profile.opt nearer to the batches that form, or let them grow with serving.max_queue_delay_us; compare."
    )
    return Finding("batching", text, f"samples per execution: {sizes}", advice)


def near_ceiling(level: Sequence[Row]) -> Finding | None:
    """Variants about as fast as a model that computes nothing."""
    ceiling = _ceiling(level)
    found = [row for row in models(level) if (row["ceiling_fraction"] or 0) >= NEAR]
    if not found or ceiling is None:
        return None
    text = f"{at(found[0])}, protocol and scheduling set the pace of {names(found)}: a faster model would gain little."
    advice = "More samples per request, shared memory or more cores for the server are what is left."
    return Finding("near_ceiling", text, _of_ceiling(found, ceiling), advice)


def far_from_ceiling(level: Sequence[Row]) -> Finding | None:
    """Variants with less than half of what protocol and scheduling allow."""
    ceiling = _ceiling(level)
    found = [row for row in models(level) if row["ceiling_fraction"] is not None and row["ceiling_fraction"] < FAR]
    if not found or ceiling is None:
        return None
    text = f"{at(found[0])}, the model and the way to it cost {names(found)} more than half of the ceiling."
    advice = "A faster engine, more threads or a shorter way to the model can gain there."
    return Finding("far_from_ceiling", text, _of_ceiling(found, ceiling), advice)


def compute_bound(level: Sequence[Row]) -> Finding | None:
    """Variants that serve nearly what their model does without a server."""
    found = [row for row in models(level) if (row["in_process_fraction"] or 0) >= NEAR]
    if not found:
        return None
    text = f"{at(found[0])}, computing sets the pace of {names(found)}: the server adds little."
    advice = "More threads or instances where cores idle, a faster engine or a lower precision can gain."
    return Finding("compute_bound", text, _of_process(found), advice)


def server_bound(level: Sequence[Row]) -> Finding | None:
    """Variants that serve less than half of what their model does without a server."""
    found = [
        row for row in models(level) if row["in_process_fraction"] is not None and row["in_process_fraction"] < FAR
    ]
    if not found:
        return None
    text = f"{at(found[0])}, {names(found)} serve{'s' * (len(found) == 1)} less than half of what the model alone does."
    advice = "Server and load generator share the cores with the model: measure the load from another machine."
    return Finding("server_bound", text, _of_process(found), advice)


def pytriton(level: Sequence[Row], comparisons: Comparisons, inner: str) -> Finding | None:
    """What PyTriton costs: the same engine behind it and in a repository."""
    found = _ratio(level, comparisons, "pytriton_engine", inner)
    if found is None or not found[0].difference_shown:
        return None
    interval, row, base = found
    text = f"{at(row)}, PyTriton serves {in_words(interval)} what a repository does with the same engine, {inner}."
    return Finding("pytriton", text, _two(row, base), "Serve from a repository what needs no Python around it.")


def pipelines(level: Sequence[Row], comparisons: Comparisons, inner: str) -> Iterable[Finding | None]:
    """What preparing and interpreting in the server cost, against the engine model that is called."""
    for name in ("bls", "ensemble"):
        found = _ratio(level, comparisons, name, inner)
        if found is None or not found[0].difference_shown:
            continue
        interval, row, base = found
        text = f"{at(row)}, {name} serves {in_words(interval)} what {inner} does, the model that it calls."
        advice = (
            "In return clients send raw samples and get answers; prepare in the client where throughput counts more."
        )
        yield Finding(name, text, _two(row, base), advice)


def falling(rows: Sequence[Row]) -> Finding | None:
    """Variants that serve less at their highest concurrency than at a lower one, over any protocol and batch size."""
    found = []
    for layer in layers(closed(models(rows))):
        for line in variants(layer.rows).values():
            served = [row for row in line if row["throughput"] and row["status"] == "stable"]
            best = max(served, key=lambda row: row["throughput"], default=None)
            if best and 1 - served[-1]["throughput"] / best["throughput"] > FALL_LIMIT:
                found.append((best, served[-1]))
    if not found:
        return None
    fallen = list(dict.fromkeys(best["variant"] for best, _ in found))
    peak = "its peak" if len(fallen) == 1 else "their peaks"
    text = f"{listed(fallen)} {is_or_are(fallen)} past {peak} at the highest concurrency."
    evidence = [
        f"{best['variant']}: {number(best['throughput'])} infer/s {place(best)},"
        f" {number(last['throughput'])} {place(last)}"
        for best, last in found
    ]
    return Finding("falling", text, some(evidence), "Limit the requests in flight to where the throughput is highest.")


def _parts(level: Sequence[Row], part: str, limit: float) -> list[tuple[Row, float]]:
    """Models of which a part of the latency has at least a share, the largest share first."""
    shares = [(row, value / row["latency_avg"]) for row in models(level) if (value := breakdown(row)[part])]
    return sorted((one for one in shares if one[1] >= limit), key=lambda one: -one[1])


def _ratio(level: Sequence[Row], comparisons: Comparisons, name: str, base: str) -> tuple[Interval, Row, Row] | None:
    rows = {row["variant"]: row for row in level}
    if name not in rows or base not in rows:
        return None
    found = ratio(comparisons, rows[name], rows[base])
    return None if found is None else (found, rows[name], rows[base])


def _two(row: Row, base: Row) -> str:
    return f"{number(row['throughput'])} and {number(base['throughput'])} infer/s; ratio with its 95 % interval"


def _ceiling(level: Sequence[Row]) -> Row | None:
    """The row of the ceiling; a share of one that is not stable says nothing."""
    return next((row for row in level if row["variant"] == CEILING), None)


def _of_ceiling(rows: Sequence[Row], ceiling: Row) -> str:
    shares = listed([f"{row['variant']} {percent(row['ceiling_fraction'])}" for row in rows])
    return f"{shares} of {number(ceiling['throughput'])} infer/s"


def _of_process(rows: Sequence[Row]) -> str:
    shares = [
        f"{row['variant']} {number(row['throughput'])} infer/s, {percent(row['in_process_fraction'])}" for row in rows
    ]
    return f"{'; '.join(shares)} of the in-process limit"
