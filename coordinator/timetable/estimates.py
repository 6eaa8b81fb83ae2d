"""How much a timetable will ask for, and how many new ones are spread (TM-21, TM-79)."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.model.instants import DAY, MINUTE, SECOND, Instant, Millis
from coordinator.model.schedules import Schedule
from coordinator.timetable.cron import cron_of
from coordinator.timetable.steps import LAST_INSTANT, next_fire, rule_for
from coordinator.timetable.windows import next_begin, windows_at
from coordinator.timetable.zones import wall_at

COUNTED_MAX = 2_500  # fire times walked in one stretch, of the few rrules that ask for a walk; beyond them the rate holds on
SEGMENTS_MAX = 2_000  # between and in black-outs
CHEAP_BLACKOUTS = 4  # each segment takes a look at all of them: with more there are fewer segments


def fires_per_minute(schedule: Schedule, at: Instant) -> float:
    """f(j) of TM-79: over the next 7 days, or if there are none in them over the next 366.

    Fire times in a black-out do not count, those that it moves to its end count as one. In a week in which the clock is
    set, local times are counted, an hour more or less.
    """
    for span in (7 * DAY, 366 * DAY):
        found = _counted(schedule, at, at + span)
        if found:
            return found * MINUTE / span
    return 0.0


def spread(count: int, every_ms: Millis, at: Instant, bound_ms: Millis) -> list[Instant]:
    """First due times of `count` new intervals, evenly over 1 ms .. the smaller of interval and bound; one alone is due now."""
    if count == 1:
        return [at]
    width = max(1, min(every_ms, bound_ms))
    return [at + 1 + place * (width - 1) // (count - 1) for place in range(count)]


def _counted(schedule: Schedule, begin: Instant, end: Instant) -> float:
    anchor = schedule.start or begin
    begin, stop = max(begin, schedule.start), min(end, schedule.end or LAST_INSTANT)
    found, reached = 0.0, begin
    for low, high, shifts in _segments(schedule, begin, stop):
        inside = _between(schedule, anchor, low, high)
        found += inside if shifts is None else min(inside, shifts)
        reached = high
    return found * (stop - begin) / (reached - begin) if reached > begin else 0.0


def _segments(
    schedule: Schedule, begin: Instant, end: Instant
) -> Iterator[tuple[Instant, Instant, int | None]]:
    """From edge to edge of the black-outs; the last field: None outside, else how many starts come out of it."""
    blackouts = max(CHEAP_BLACKOUTS, len(schedule.blackouts))
    at, left = begin, SEGMENTS_MAX * CHEAP_BLACKOUTS // blackouts
    while at < end and left:
        left -= 1
        covering = windows_at(schedule.blackouts, at)
        if covering:
            close = min(min(window.end for window in covering), end)
            yield at, close, int(all(window.shifts for window in covering))
        else:
            opens = next_begin(schedule.blackouts, at) if schedule.blackouts else None
            close = end if opens is None else min(opens, end)
            yield at, close, None
        at = close


def _between(schedule: Schedule, anchor: Instant, begin: Instant, end: Instant) -> float:
    """Fire times from `begin` up to, not including, `end`; of an interval, what it comes to on average."""
    if schedule.every_ms:
        return (end - begin) / schedule.every_ms
    low, high = (wall_at(schedule.time_zone, at - 1) + 1 for at in (begin, end))
    if schedule.cron:
        return float(max(0, cron_of(schedule.cron).count_between(low, high)))
    counted = rule_for(schedule, anchor).count_between(low, high)
    if counted is not None:
        return float(counted)
    at, found = next_fire(schedule, anchor, begin - 1), 0
    while at is not None and at < end:
        found += 1
        if found == COUNTED_MAX:
            return found * (end - begin) / (at + SECOND - begin)
        at = next_fire(schedule, anchor, at)
    return float(found)
