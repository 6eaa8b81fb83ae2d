"""How many fire times lie between two instants, and which are the newest of them, without a walk.

Only where the clock is not set in between: there walls and instants go along with one another, and what matches is counted
day by day. A few rrules cannot be counted (`Rule.count_between`).
"""

from __future__ import annotations

from coordinator.model.instants import SECOND, Instant
from coordinator.model.schedules import Schedule
from coordinator.timetable.cron import cron_of
from coordinator.timetable.steps import next_fire, rule_for
from coordinator.timetable.zones import Wall, offset_at


def count_fires(schedule: Schedule, anchor: Instant, begin: Instant, end: Instant) -> int | None:
    """From `begin` up to, not including, `end`; None where only a walk can tell."""
    if schedule.every_ms:
        begin, every = max(begin, anchor), schedule.every_ms
        return max(0, (end - 1 - anchor) // every - (begin - 1 - anchor) // every)
    offset = offset_at(schedule.time_zone, begin)
    return _count_walls(schedule, anchor, _wall_from(begin, offset), _wall_from(end, offset))


def newest_fires(
    schedule: Schedule, anchor: Instant, first: Instant, last: Instant, count: int
) -> tuple[Instant, ...]:
    """The newest `count` from `first` to `last`, oldest first; there must be so many, and a count of them."""
    if schedule.every_ms:
        newest = last - (last - anchor) % schedule.every_ms
        return tuple(newest - back * schedule.every_ms for back in reversed(range(count)))
    offset = offset_at(schedule.time_zone, first)
    low, high = _wall_from(first, offset), _wall_from(last + 1, offset)
    end = high
    while high - low > 1:
        middle = (low + high) // 2
        if (_count_walls(schedule, anchor, middle, end) or 0) >= count:
            low = middle
        else:
            high = middle
    found = [low * SECOND - offset]
    while len(found) < count and (following := next_fire(schedule, anchor, found[-1])) is not None:
        found.append(following)
    return tuple(found)


def _count_walls(schedule: Schedule, anchor: Instant, begin: Wall, end: Wall) -> int | None:
    if schedule.cron:
        return cron_of(schedule.cron).count_between(begin, end)
    return rule_for(schedule, anchor).count_between(begin, end)


def _wall_from(at: Instant, offset: int) -> Wall:
    """The first whole second of the wall that is not before the instant."""
    return -(-(at + offset) // SECOND)
