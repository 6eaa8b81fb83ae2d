"""The fire times of a schedule, by looking at every second or minute there is: slow, and sure.

Shares nothing with the timetable room. It knows intervals, cron fields of numbers, lists, ranges and steps, and black-outs
whose zone is UTC: what the simulated callers ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coordinator.model.instants import DAY, MINUTE, SECOND, Instant, Millis
from coordinator.model.schedules import Blackout, Schedule

BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))  # from seconds to days of the week
WEEK = 7 * DAY
FIRST_MONDAY = 4 * DAY  # 1970 began on a Thursday


class FireTime(NamedTuple):
    """`due`, `due_by`: between these it is due, jitter being anything. `fate`: why it has to be skipped, if it has to."""

    at: Instant
    due: Instant
    due_by: Instant
    fate: str = ""


class Fields(NamedTuple):
    """The numbers that match, and whether the hour is left open, which goes by elapsed time."""

    sets: tuple[frozenset[int], ...]
    by_elapsed: bool
    step: Millis

    def match(self, wall: datetime) -> bool:
        second, minute, hour, day, month, weekday = self.sets
        return (
            wall.second in second
            and wall.minute in minute
            and wall.hour in hour
            and wall.day in day
            and wall.month in month
            and wall.isoweekday() % 7 in weekday
        )


def fire_times(
    schedule: Schedule, anchor: Instant, after: Instant, until: Instant
) -> list[FireTime]:
    """Strictly after `after`, up to and with `until`."""
    horizon = until + leeway(schedule)
    if schedule.every_ms:
        raw = [(at, "") for at in _grid(schedule.every_ms, anchor, after, horizon)]
    else:
        raw = list(_matches(schedule, after, horizon))
    end = schedule.end or horizon + 1
    raw = [(at, fate) for at, fate in raw if schedule.start <= at < end]
    found = []
    for place, (at, fate) in enumerate(raw):
        following = raw[place + 1][0] if place + 1 < len(raw) else horizon + 1
        if at <= until:
            found.append(_with_blackouts(schedule, at, fate, following))
    return found


def leeway(schedule: Schedule) -> Millis:
    """At most so long after it has come a fire time is due."""
    return max(schedule.jitter_ms, *(_length(one) for one in schedule.blackouts), 0)


def _with_blackouts(schedule: Schedule, at: Instant, fate: str, following: Instant) -> FireTime:
    if fate:
        return FireTime(at, at, at, fate)
    due = at
    for blackout in schedule.blackouts:
        end = _window_end(blackout, at)
        if end is None:
            continue
        if blackout.then == "skip" or following <= end:
            return FireTime(at, at, at, "blackout")
        due = end
    return FireTime(at, due, due if due > at else at + schedule.jitter_ms)


def _grid(every: Millis, anchor: Instant, after: Instant, until: Instant) -> Iterator[Instant]:
    steps = max(0, -((anchor - after - 1) // every))
    yield from range(anchor + steps * every, until + 1, every)


def _matches(schedule: Schedule, after: Instant, until: Instant) -> Iterator[tuple[Instant, str]]:
    fields, zone = _fields(schedule.cron), ZoneInfo(schedule.time_zone)
    at = (after // fields.step + 1) * fields.step
    before = datetime.fromtimestamp((at - fields.step) // SECOND, zone).utcoffset()
    while at <= until:
        wall = datetime.fromtimestamp(at // SECOND, zone)
        offset = wall.utcoffset()
        assert offset is not None
        assert before is not None
        if fields.match(wall):
            if fields.by_elapsed or not wall.fold:
                yield at, ""
        elif offset > before and not fields.by_elapsed:
            missing = int((offset - before).total_seconds()) * SECOND // fields.step
            if _any_in_gap(fields, wall, missing):
                yield at, "dst_gap" if schedule.dst_gap == "skip" else ""
        before = offset
        at += fields.step


def _any_in_gap(fields: Fields, wall: datetime, missing: int) -> bool:
    """Whether one of the walls that were left out would have matched."""
    local = wall.replace(tzinfo=None)
    step = timedelta(milliseconds=fields.step)
    return any(fields.match(local - back * step) for back in range(1, missing + 1))


@lru_cache(256)
def _fields(text: str) -> Fields:
    words = text.split()
    seconds = len(words) == 6
    words = words if seconds else ["0", *words]
    sets = tuple(_numbers(word, *bounds) for word, bounds in zip(words, BOUNDS, strict=True))
    weekdays = frozenset(number % 7 for number in sets[5])
    return Fields((*sets[:5], weekdays), words[2].startswith("*"), SECOND if seconds else MINUTE)


def _numbers(word: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("*", "", "") if span == "*" else span.partition("-")
        begin = low if first == "*" else int(first)
        end = high if first == "*" else int(last or (high if step else first))
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _window_end(blackout: Blackout, at: Instant) -> Instant | None:
    """When the weekly span is over that covers this instant; None if none does."""
    into = (at - FIRST_MONDAY - blackout.first * MINUTE) % WEEK
    length = _length(blackout)
    return at - into + length if into < length else None


def _length(blackout: Blackout) -> Millis:
    assert blackout.time_zone == "UTC"
    assert not blackout.cron
    return (blackout.last - blackout.first) * MINUTE % WEEK
