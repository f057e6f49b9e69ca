"""Figures as a reader wants them."""

from collections.abc import Mapping, Sequence

from analyse.intervals import Interval

MISSING = "–"
NOT_DEFINED = "not defined"


def number(value: float | None, digits: int = 0) -> str:
    """With separators of thousands."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def significant(value: float | None) -> str:
    """Three digits or so, whatever the size."""
    if value is None:
        return MISSING
    return number(value) if abs(value) >= 1000 else f"{value:.3g}"


def percent(fraction: float | None, digits: int = 0) -> str:
    """A fraction in per cent; the whole has no digits after the point."""
    return MISSING if fraction is None else f"{100 * fraction:.{0 if fraction == 1 else digits}f} %"


def accuracy(share: float | None, digits: int = 1) -> str:
    """An accuracy in per cent; without a data set there is none."""
    return NOT_DEFINED if share is None else percent(share, digits)


def milliseconds(microseconds: float | None) -> str:
    """Three digits or so, as milliseconds, without the unit."""
    if microseconds is None:
        return MISSING
    value = microseconds / 1000
    return number(value, 2 if value < 10 else 1 if value < 100 else 0)


def error(value: float | None) -> str:
    """A numerical error in two digits."""
    return MISSING if value is None else f"{value:.2g}"


def size(count: int) -> str:
    """Bytes in the largest binary unit that leaves at least 1."""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def times(ratio: float) -> str:
    """A ratio as a factor."""
    return f"{_factor(ratio)}×"


def interval(ratio: Mapping[str, float] | None) -> str:
    """A ratio with its bounds: `0.81 [0.74, 0.88]`."""
    return MISSING if ratio is None else f"{ratio['middle']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]"


def points(change: Mapping[str, float]) -> str:
    """A difference of two shares, in percentage points, with its bounds: `−0.1 % [−0.4, 0.2]`."""
    # 0.0 for what is rounded to −0.0.
    middle, low, high = (f"{round(100 * change[name], 1) + 0.0:.1f}" for name in ("middle", "low", "high"))
    return f"{middle} % [{low}, {high}]".replace("-", "−")


def ratio(interval: Interval) -> str:
    """A ratio with its bounds: `3.4× [3.2, 3.6]`."""
    return f"{times(interval.middle)} [{_factor(interval.low)}, {_factor(interval.high)}]"


def _factor(value: float) -> str:
    """Two or three digits; bounds so far off that they say nothing are not spelled out."""
    if not 0.01 <= value <= 1000:
        return "<0.01" if value < 1 else ">1,000"
    return f"{value:.2f}" if value < 2 else f"{value:,.1f}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def capitalized(text: str) -> str:
    """With a capital at the start, the rest as it is."""
    return text[:1].upper() + text[1:]
