"""Section ranking: the variants at the load level to compare first, fastest first."""

from collections.abc import Mapping
from typing import Any

from analyse.choices import cost_per_million
from analyse.contents import Document
from analyse.head_to_head import BASELINE, between
from analyse.rows import bounds, headline, place
from record.points import CEILING
from show.figures import looks

# A ceiling that would leave the fastest variant less of the width than this has no bar.
_SHARE = 0.25


def view(document: Document) -> dict[str, Any]:
    """`place`: the level in words; `base`: PyTriton's way, if measured; `lines`, fastest first.

    `rounds`: how many all variants had, `added`: how many more those had that decide the verdict.

    A line has the `row`, its `look`, the `compared` with PyTriton's way, its `cost` per million answers, and the `bar`
    in per cent of the longest one, which is missing where there is no figure and where the ceiling is `beyond` the
    scale. `memory` and `costs`: whether any line has one.
    """
    level = headline(document["rows"])
    rounds = [row["rounds"] for row in level if row["rounds"]]
    look = looks(document["rows"])
    barred = _barred([row for row in level if row["throughput"] is not None])
    longest = max((bounds(row)[1] for row in barred), default=0.0)
    ranked = sorted(level, key=lambda row: (row["variant"] == CEILING, -(row["throughput"] or 0)))
    cost_per_hour = document["config"]["report"]["cost_per_hour"]
    return {
        "place": place(level[0]),
        "base": BASELINE if any(one["base"] == BASELINE for one in document["comparisons"]) else None,
        "rounds": min(rounds, default=0),
        "added": max(rounds, default=0) - min(rounds, default=0),
        "memory": any(row["memory_mib"] is not None for row in level),
        "costs": cost_per_hour is not None,
        "lines": [
            {
                "row": row,
                "look": look[row["variant"]],
                "compared": between(document["comparisons"], row["variant"], BASELINE),
                "cost": cost_per_million(row["throughput"], cost_per_hour) if row["variant"] != CEILING else None,
                "bar": _bar(row, longest) if row in barred else None,
                "beyond": row["throughput"] is not None and row not in barred,
            }
            for row in ranked
        ],
    }


def _barred(level: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows whose bars share one scale: all of them, but for a ceiling far above the rest."""
    computing = [row for row in level if row["variant"] != CEILING]
    fastest = max((bounds(row)[1] for row in computing), default=0.0)
    highest = max((bounds(row)[1] for row in level), default=0.0)
    return computing if computing and fastest < _SHARE * highest else level


def _bar(row: Mapping[str, Any], longest: float) -> dict[str, float]:
    """The ends of a bar and of its whisker; without an interval there is none."""
    names = {"value": "throughput", "low": "throughput_low", "high": "throughput_high"}
    values = {end: row[name] for end, name in names.items() if row[name] is not None}
    return {name: round(100 * value / longest, 2) for name, value in values.items()}
