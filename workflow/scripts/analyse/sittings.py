"""When and where the figures of a report were measured: those of several sittings do not compare."""

import pandas as pd

from analyse.formatting import listed

# Measurements of one run follow each other; a longer pause begins another sitting.
PAUSE = pd.Timedelta(hours=1)
_COLUMNS = ["variant", "started", "host"]


def sittings(repeats: pd.DataFrame, rounds: pd.DataFrame) -> list[str]:
    """The sittings, one sentence each, if there are several; empty if all was measured in one go on one host.

    A sitting is what one host measured without a pause of an hour. Rounds of several jobs are named, too.
    """
    found = [_of(rounds, "head to head"), _of(repeats, "load by load")]
    together = pd.concat([one for one in found if len(one)] or found[:1])
    together = together.sort_values(["host", "started"], kind="stable")
    elsewhere = together["host"] != together["host"].shift()
    later = together["started"].diff() > PAUSE
    groups = [group for _, group in together.groupby((elsewhere | later).cumsum())]
    jobs = rounds["job"].dropna().nunique()
    groups = sorted(groups, key=lambda group: group["started"].iloc[0])
    everyone = set(together["variant"])
    sentences = [_sentence(group, everyone) for group in groups] if len(groups) > 1 else []
    return [*sentences, *([f"The rounds head to head come from {jobs} jobs."] if jobs > 1 else [])]


def _of(points: pd.DataFrame, what: str) -> pd.DataFrame:
    """What was measured when: points that say so, with a name for `what`."""
    known = points.reindex(columns=_COLUMNS).dropna(subset=["started", "host"])
    moments = pd.to_datetime(known["started"], format="ISO8601", utc=True)
    return known.assign(started=moments, what=what)


def _sentence(group: pd.DataFrame, everyone: set[str]) -> str:
    """When and where a sitting began, and what it measured of `everyone`."""
    parts = [f"{_names(one['variant'], everyone)} {what}" for what, one in group.groupby("what", sort=False)]
    return f"{group['started'].iloc[0]:%Y-%m-%d %H:%M} UTC on {group['host'].iloc[0]}: {'; '.join(parts)}."


def _names(variants: pd.Series, everyone: set[str]) -> str:
    found = list(dict.fromkeys(variants))
    return "all variants" if len(found) == len(everyone) > 1 else listed(found)
