"""Times as people type them: RFC 3339, `HH:MM` (today, local), `-1h` ago, `+10m` from now (EX-9). Pure."""

from __future__ import annotations

from datetime import datetime

from coordinator.client.durations import parse_duration
from coordinator.client.instants import parse_rfc3339


def parse_time(text: str, now: int) -> int:
    """Milliseconds since 1970. Raises ValueError saying what is allowed."""
    if text[:1] in ("-", "+"):
        distance = parse_duration(text[1:])
        return now - distance if text[0] == "-" else now + distance
    try:
        if len(text) <= 8 and ":" in text:
            return _today(text, now)
        return parse_rfc3339(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; write 2026-11-21T14:00:00Z, 14:00 (today), -1h or +10m"
        ) from None


def _today(text: str, now: int) -> int:
    clock = datetime.strptime(text, "%H:%M" if text.count(":") == 1 else "%H:%M:%S")  # noqa: DTZ007  (a time of day)
    today = datetime.fromtimestamp(now / 1000).astimezone()
    moment = today.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
    return round(moment.timestamp() * 1000)
