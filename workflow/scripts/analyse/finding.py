"""What a finding is, and the words that the rules share."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass

from analyse.formatting import capitalized, listed
from analyse.rows import Row, place

# Points that the evidence names; the table of points has all.
SHOWN = 4


@dataclass(frozen=True)
class Finding:
    """One statement: `rule` is what it was found by, `evidence` the figures it rests on, `advice` what to do."""

    rule: str
    text: str
    evidence: str
    advice: str


def some(parts: Sequence[str]) -> str:
    """The first parts, and how many more there are."""
    more = f"; and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return "; ".join(parts[:SHOWN]) + more


def names(rows: Sequence[Row]) -> str:
    """The variants of rows."""
    return listed([row["variant"] for row in rows])


def at(row: Row) -> str:
    """The load of a row, at the start of a sentence."""
    return capitalized(place(row))


def is_or_are(found: Sized) -> str:
    """The verb of one thing or of several."""
    return "is" if len(found) == 1 else "are"


def was_or_were(found: Sized) -> str:
    """The same in the past."""
    return "was" if len(found) == 1 else "were"


def it_or_them(found: Sized) -> str:
    """The pronoun of one thing or of several."""
    return "it" if len(found) == 1 else "them"
