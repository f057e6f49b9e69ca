"""What the figures say besides the verdict: small rules, each with its evidence and what to do about it.

A rule looks at all variants and says one thing of those that it concerns, or nothing. Its figures are the stable ones
at the highest concurrency of the first protocol and batch size, unless it says otherwise.
"""

from collections.abc import Mapping
from typing import Any

from analyse import doubts, explanations, sizes
from analyse.finding import Finding
from analyse.rows import headline


def findings(document: Mapping[str, Any], opt: int) -> list[Finding]:
    """All findings, those that put the figures in doubt first. `opt`: batch size that engines are tuned for.

    `document` has `rows`, `comparisons`, `health`, `engines`, `model`, `dataset`, `reference` and `config`.
    """
    rows, health, comparisons = document["rows"], document["health"], document["comparisons"]
    dataset = document["dataset"]
    level = [row for row in headline(rows) if row["status"] == "stable"]
    inner = document["config"]["serving"]["inner"]
    found = [
        doubts.unhealthy(health),
        doubts.precision(document["engines"]),
        doubts.answers(health, document["reference"]),
        doubts.accuracy(health, (document["model"] or {}).get("accuracy"), dataset["test"]["count"] if dataset else 0),
        doubts.not_stable(rows),
        doubts.client_bound(rows),
        explanations.queue(level, opt),
        explanations.outside(level),
        explanations.batching(level, opt),
        explanations.near_ceiling(level),
        explanations.compute_bound(level),
        explanations.pytriton(level, comparisons, inner),
        *explanations.pipelines(level, comparisons, inner),
        explanations.falling(rows),
        sizes.growth(rows),
        explanations.server_bound(level),
        explanations.far_from_ceiling(level),
        doubts.indicative(rows),
    ]
    return [one for one in found if one is not None]
