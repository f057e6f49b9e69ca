"""Rules that put figures in doubt: health, precision, answers, stability, percentiles."""

from collections.abc import Mapping, Sequence
from typing import Any

from analyse.finding import Finding, is_or_are, it_or_them, some, was_or_were
from analyse.formatting import capitalized, listed, number, percent
from analyse.rows import Row, place
from analyse.summary import SAMPLES_WANTED
from analyse.verdict import agreement
from record.points import CEILING


def unhealthy(health: Mapping[str, Mapping[str, Any]]) -> Finding | None:
    """Variants that were not measured, as they are not what they promise."""
    found = {name: one["reasons"] for name, one in health.items() if not one["healthy"]}
    if not found:
        return None
    text = f"{listed(list(found))} failed the health check and {was_or_were(found)} not measured."
    evidence = "; ".join(f"{name}: {', '.join(reasons)}" for name, reasons in found.items())
    return Finding("unhealthy", text, evidence, "The server's logs are in logs/healthcheck/ of the run.")


def precision(engines: Sequence[Mapping[str, Any]]) -> Finding | None:
    """Engines that compute in another precision than the one asked for."""
    found = [one for one in engines if one["precision"]["requested"] != one["precision"]["obtained"]]
    if not found:
        return None
    texts = [f"the {one['backend']} engine computes in {one['precision']['obtained']}" for one in found]
    evidence = [f"{one['backend']}: {one['precision']['requested']} requested, on {one['target']}" for one in found]
    text = f"{listed(texts)}, which was not requested."
    return Finding(
        "precision", capitalized(text), "; ".join(evidence), "Compare it as what it is, not as what was asked."
    )


def answers(health: Mapping[str, Mapping[str, Any]], reference: str) -> Finding | None:
    """Variants that do not answer as the reference does on every sample. Nothing is asked of the ceiling."""
    shares = {name: agreement(one) for name, one in _checked(health)}
    found = {name: same for name, same in shares.items() if same is not None and same < 1}
    if not found:
        return None
    text = f"{listed(list(found))} do{'es' * (len(found) == 1)} not give the answer of {reference} on every sample."
    evidence = listed([f"{name} {percent(same, 2)}" for name, same in found.items()])
    return Finding(
        "answers", text, f"agreement: {evidence}", "Look at the errors in “Accuracy and parity” before the speed."
    )


def accuracy(health: Mapping[str, Mapping[str, Any]], pytorch: float | None, samples: int) -> Finding | None:
    """Variants less accurate than PyTorch on the same whole test set of `samples`; None where that has no accuracy."""
    if pytorch is None:
        return None
    found = {
        name: one["accuracy"]
        for name, one in _checked(health)
        if one["samples"] == samples and one["accuracy"] < pytorch
    }
    if not found:
        return None
    text = f"{listed(list(found))} {is_or_are(found)} less accurate than PyTorch."
    shares = listed([f"{name} {percent(share, 2)}" for name, share in found.items()])
    evidence = f"{shares}; PyTorch {percent(pytorch, 2)}, on the same {number(samples)} samples"
    return Finding(
        "accuracy", text, evidence, "A lower precision of the engine can be the price; decide whether it is."
    )


def not_stable(rows: Sequence[Row]) -> Finding | None:
    """Points without a stable figure."""
    found = [row for row in rows if row["status"] in ("unstable", "failed")]
    if not found:
        return None
    text = f"{len(found)} of {len(rows)} points {is_or_are(found)} not stable: compare {it_or_them(found)} with care."
    evidence = some([f"{row['variant']} {place(row)}: {row['status']}" for row in found])
    advice = "Measure on a quieter machine, or raise sweep.window_ms or sweep.max_windows."
    return Finding("not_stable", text, evidence, advice)


def client_bound(rows: Sequence[Row]) -> Finding | None:
    """Points at which the load generator was too slow."""
    found = [row for row in rows if row["status"] == "client_bound"]
    if not found:
        return None
    text = f"At {len(found)} of {len(rows)} points the load generator set the pace, not the server."
    evidence = some([f"{row['variant']} {place(row)}: {row['reason']}" for row in found])
    return Finding("client_bound", text, evidence, "Those servers can do more: give the load generator its own cores.")


def indicative(rows: Sequence[Row]) -> Finding | None:
    """Percentiles that rest on few requests."""
    found = [row for row in rows if "p99" in row["indicative"]]
    if not found:
        return None
    counts = [row["percentile_requests"] for row in found]
    text = f"The p99 of {len(found)} of {len(rows)} points is an indication: too few requests for more."
    wanted = number(SAMPLES_WANTED["latency_p99"])
    evidence = f"{number(min(counts))} to {number(max(counts))} requests per repeat; MLPerf asks for {wanted}"
    return Finding("indicative", text, evidence, "Raise sweep.window_ms where tail latency decides.")


def _checked(health: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, one) for name, one in health.items() if one["healthy"] and name != CEILING]
