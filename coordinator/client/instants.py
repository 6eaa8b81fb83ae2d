"""Instants as people and machines read them; inside they are int milliseconds since 1970 (EX-18).

Pure: whoever needs the present moment or the local zone hands them in.
"""

from __future__ import annotations

from datetime import datetime, timezone

UTC = timezone.utc  # noqa: UP017  (the alias of 3.11 is not known to every checker in use)


def rfc3339(at: int) -> str:
    """`2026-11-21T14:02:11.120Z`: UTC with milliseconds, the one form of all our JSON."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def parse_rfc3339(text: str) -> int:
    """Milliseconds since 1970. Raises ValueError when the text is no instant or names no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone; add Z or an offset such as +02:00")
    return round(moment.timestamp() * 1000)
