"""Cron expressions: five fields, or six with seconds first, with names, lists, ranges, steps, `L`, `LW`, `#`, `@daily`.

The library cronsim parses them and says whether a day matches. The steps from match to match are ours: on walls alone, since
what a clock change makes of them is decided in `steps` (the library moves a missing 02:30 to 03:00), and without a walk over
hours and minutes. Both day fields restricted: either matches; one that begins with `*` restricts nothing, as in Debian.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from cronsim import CronSim, CronSimError

from coordinator.timetable.times import DAY_S, TimesOfDay
from coordinator.timetable.zones import Wall

SEARCH_YEARS = 50  # as far as the library looks; 29 February on a given weekday comes after 40 years at the latest
CRON_CHARS_MAX = 200
FORMS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_BOUNDS = (
    ("second", "0 .. 59"),
    ("minute", "0 .. 59"),
    ("hour", "0 .. 23"),
    ("day of month", "1 .. 31, L or LW"),
    ("month", "1 .. 12 or JAN .. DEC"),
    ("day of week", "0 .. 7 (0 and 7 are Sunday) or SUN .. SAT, with #1 .. #5 or L after it"),
)
_ANYTHING = ("*", "*", "*", "*", "*", "*")
_ANY_TIME = datetime(1970, 1, 1)  # noqa: DTZ001 - nothing is ever stepped from it
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PLAIN = re.compile(r"[A-Z0-9*/,#-]+", re.ASCII)


class Cron(NamedTuple):
    """`parsed` is asked which days match, and never stepped."""

    parsed: CronSim
    times: TimesOfDay
    by_elapsed_time: bool  # `*` or a step in the hour field (TM-14)

    def next_wall(self, after: Wall) -> Wall | None:
        """The first match strictly after; None if there is none within 50 years."""
        day, second = divmod(after + 1, DAY_S)
        found = self.times.first(second) if self.matches_day(day) else None
        if found is not None:
            return day * DAY_S + found
        later = self._next_day(day)
        return None if later is None else later * DAY_S + self.times.at(0)

    def matches(self, wall: Wall) -> bool:
        return self.next_wall(wall - 1) == wall

    def count_between(self, begin: Wall, end: Wall) -> int:
        """Matches from `begin` up to, not including, `end`, without a look at each of them."""
        (first, low), (last, high) = divmod(begin, DAY_S), divmod(end, DAY_S)
        if first == last:
            return self.times.rank(high) - self.times.rank(low) if self.matches_day(first) else 0
        days = sum(self.matches_day(day) for day in range(first, last))
        found = days * self.times.total
        if self.matches_day(first):
            found -= self.times.rank(low)
        if self.matches_day(last):
            found += self.times.rank(high)
        return found

    def matches_day(self, day: int) -> bool:
        """`day`: whole days of the wall, see `zones`."""
        shown = _date(day)
        return shown.month in self.parsed.months and self.parsed.match_day(shown)

    def _next_day(self, day: int) -> int | None:
        months, end = self.parsed.months, day + SEARCH_YEARS * 366
        day += 1
        while day < end:
            shown = _date(day)
            if shown.month not in months:
                day += 32 - shown.day
                day -= _date(day).day - 1
            elif self.parsed.match_day(shown):
                return day
            else:
                day += 1
        return None  # pragma: no cover - days that never come are refused when parsed


def _date(day: int) -> date:
    return date.fromordinal(_EPOCH_DAY + day)


@lru_cache(maxsize=4096)
def cron_of(text: str) -> Cron:
    """ValueError names the field that is wrong, its value and its bounds."""
    if len(text) > CRON_CHARS_MAX:
        raise ValueError(f"has {len(text)} characters, at most {CRON_CHARS_MAX} are allowed")
    fields = _fields(text)
    for place, value in enumerate(fields):
        _check(place, value)
    try:
        parsed = CronSim(" ".join(fields), _ANY_TIME)
    except CronSimError:  # each field is right: it is the days that no such month has
        raise ValueError(f"{text!r} never fires: no such month has that day") from None
    hours, minutes, seconds = (
        tuple(sorted(one)) for one in (parsed.hours, parsed.minutes, parsed.seconds)
    )
    by_elapsed_time = "*" in fields[2] or "/" in fields[2]
    return Cron(parsed, TimesOfDay(hours, minutes, seconds), by_elapsed_time)


def _fields(text: str) -> tuple[str, ...]:
    """Six of them, upper case."""
    text = text.strip()
    if text.startswith("@"):
        if text.lower() not in FORMS:
            raise ValueError(f"{text!r} is none of {', '.join(FORMS)}")
        text = FORMS[text.lower()]
    fields = text.upper().split()
    if len(fields) not in {5, 6}:
        raise ValueError(
            f"{text!r} has {len(fields)} fields: write five (minute, hour, day of month, month, day of week), "
            "or six with seconds first"
        )
    if len(fields) == 5:
        fields.insert(0, "0")
    fields[5] = re.sub(r"-(SUN|0)(?=$|[,/])", "-7", fields[5])  # a week may end with Sunday
    return tuple(fields)


def _check(place: int, value: str) -> None:
    """The library says which field is bad and no more: try each alone, with its value at hand."""
    alone = [*_ANYTHING[:place], value, *_ANYTHING[place + 1 :]]
    if place == 3:
        alone[4] = "1"  # a month with a 31st
    try:
        if not _PLAIN.fullmatch(value):
            raise CronSimError
        CronSim(" ".join(alone), _ANY_TIME)
    except (
        CronSimError,
        AssertionError,
        TypeError,
    ):  # the library lets some nonsense reach its own checks
        name, bounds = _BOUNDS[place]
        raise ValueError(
            f"{name} field {value!r}: allowed are {bounds}, lists, ranges (a-b), steps (*/n) and *"
        ) from None
