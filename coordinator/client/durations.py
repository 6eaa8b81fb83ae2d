"""Durations as people write them: `500ms`, `90s`, `5m`, `1h30m`, `2d`; inside they are int milliseconds (EX-9).

Why own code: libraries disagree on what `m` means and take a bare number for seconds. Here a bare number is refused,
because nobody can tell whether `30` was meant as seconds or minutes. Pure: no clock, no grpc.
"""

from __future__ import annotations

import re

UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
LONGEST_MS = 36_500 * UNITS_MS["d"]
"""A hundred years: more than any setting or schedule takes, and a distance from which an instant can still be told."""

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+")


def parse_duration(text: str) -> int:
    """Milliseconds meant by `text`. Raises ValueError, saying what is allowed, for anything else."""
    compact = text.strip().replace(" ", "")
    if not _WHOLE.fullmatch(compact):
        raise ValueError(f"{text!r} is no duration; write 500ms, 90s, 5m, 1h30m or 2d")
    millis = sum(float(number) * UNITS_MS[unit] for number, unit in _PART.findall(compact))
    if millis > LONGEST_MS:
        raise ValueError(f"{text!r} is too long; at most {format_duration(LONGEST_MS)}")
    return round(millis)


def format_duration(millis: int) -> str:
    """The shortest spelling that `parse_duration` reads back: 5400000 is `1h30m`, 0 is `0s`."""
    if millis == 0:
        return "0s"
    parts = []
    rest = abs(millis)
    for unit, size in UNITS_MS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if millis < 0 else "") + "".join(parts)


def limit_text(millis: int) -> str:
    """A configured limit: `none` for 0, which means "no limit" on the wire, else a duration."""
    return "none" if millis == 0 else format_duration(millis)
