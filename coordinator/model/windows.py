"""Weekly spans such as `Sat 22:00-Sun 06:00`, in UTC: some may follow one another, with commas."""

from __future__ import annotations

import re
from typing import NamedTuple

from coordinator.model.instants import DAY, HOUR, MINUTE, Instant, Millis

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEK: Millis = 7 * DAY
FIRST_MONDAY: Instant = 4 * DAY  # 1970 began on a Thursday

_SPAN = re.compile(r"(\w{3}) (\d\d):(\d\d) ?- ?(\w{3}) (\d\d):(\d\d)", re.ASCII)


class Span(NamedTuple):
    """Milliseconds into the week, Monday 00:00 UTC first; the end lies outside."""

    begin: Millis
    end: Millis

    def covers(self, at: Instant) -> bool:
        now = (at - FIRST_MONDAY) % WEEK
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end


def spans(text: str) -> tuple[Span, ...]:
    """ValueError for anything but spans; a span from an instant to itself is the whole week."""
    return tuple(_span(part.strip()) for part in text.split(","))


def spans_text(of: tuple[Span, ...]) -> str:
    """The text that reads back as these spans."""
    return ",".join(f"{_moment_text(one.begin)}-{_moment_text(one.end)}" for one in of)


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a span such as `Sat 22:00-Sun 06:00`")
    day, hour, minute, end_day, end_hour, end_minute = found.groups()
    return Span(_moment(day, hour, minute), _moment(end_day, end_hour, end_minute))


def _moment(day: str, hour: str, minute: str) -> Millis:
    if day.capitalize() not in DAYS or int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{day} {hour}:{minute} is no moment of a week")
    return DAYS.index(day.capitalize()) * DAY + int(hour) * HOUR + int(minute) * MINUTE


def _moment_text(into: Millis) -> str:
    day, rest = divmod(into, DAY)
    hour, rest = divmod(rest, HOUR)
    return f"{DAYS[day]} {hour:02}:{rest // MINUTE:02}"
