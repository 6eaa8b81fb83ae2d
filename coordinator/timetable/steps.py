"""From one fire time to the next, whatever the kind of timetable (TM-7, TM-8, TM-14).

All fire times count here, those too which will be skipped. Local time, for cron with a fixed hour and for rrules: a local
time that comes twice is the first of the two instants; one that does not exist is the first instant after the gap, so that
several of one gap, and a real one at its end, are one fire time. Cron with `*` or a step in the hour field goes by elapsed
time: every instant whose local time matches.
"""

from __future__ import annotations

from coordinator.model.instants import SECOND, Instant
from coordinator.model.schedules import Schedule
from coordinator.timetable.cron import Cron, cron_of
from coordinator.timetable.rules import Rule, rule_of
from coordinator.timetable.zones import (
    Wall,
    first_change,
    gap_at,
    offset_at,
    wall_at,
    walled,
)

LAST_INSTANT: Instant = 32_503_680_000_000  # the year 3000: no fire time from there on


def next_fire(schedule: Schedule, anchor: Instant, after: Instant) -> Instant | None:
    """The first fire time strictly after `after`; None when none is left."""
    after = max(after, schedule.start - 1, -1)
    if after >= LAST_INSTANT:
        return None
    if schedule.every_ms:
        found: Instant | None = _next_of_interval(schedule.every_ms, anchor, after)
    elif goes_by_local_time(schedule):
        found = _next_by_local_time(schedule, anchor, after)
    else:
        found = _next_real_match(cron_of(schedule.cron), schedule.time_zone, after)
    end = schedule.end or LAST_INSTANT
    return found if found is not None and found < end else None


def rule_for(schedule: Schedule, anchor: Instant) -> Rule:
    """The rrule of a schedule, with `anchor` as its DTSTART: exactly, where the caller gave it as `start`."""
    given = schedule.start != 0
    return rule_of(schedule.rrule, schedule.time_zone, wall_at(schedule.time_zone, anchor), given)


def falls_into_gap(schedule: Schedule, anchor: Instant, fire_at: Instant) -> bool:
    """Only local times that do not exist stand behind this fire time (TM-14)."""
    gap = gap_at(schedule.time_zone, fire_at) if goes_by_local_time(schedule) else None
    if gap is None:
        return False
    missing = next_local_time(schedule, anchor, gap.begin - 1)
    if missing is None or missing >= gap.end:
        return False
    return next_local_time(schedule, anchor, gap.end - 1) != gap.end


def next_local_time(schedule: Schedule, anchor: Instant, after: Wall) -> Wall | None:
    """The next match of cron or rrule on the wall, whether it exists or not."""
    if schedule.cron:
        return cron_of(schedule.cron).next_wall(after)
    return rule_for(schedule, anchor).next_wall(after)


def goes_by_local_time(schedule: Schedule) -> bool:
    """Its fire times stand still on the clock on the wall when that is set."""
    if schedule.every_ms:
        return False
    return not schedule.cron or not cron_of(schedule.cron).by_elapsed_time


def _next_of_interval(every_ms: int, anchor: Instant, after: Instant) -> Instant:
    return anchor if after < anchor else after + every_ms - (after - anchor) % every_ms


def _next_by_local_time(schedule: Schedule, anchor: Instant, after: Instant) -> Instant | None:
    zone = schedule.time_zone
    wall = next_local_time(schedule, anchor, wall_at(zone, after))
    while wall is not None:
        found = walled(zone, wall)
        if found > after:
            return found
        # `after` lies in the second passage of an hour that comes twice
        wall = next_local_time(schedule, anchor, wall)
    return None


def _next_real_match(cron: Cron, zone: str, after: Instant) -> Instant | None:
    """From one change of the clock to the next: in between, walls and instants go along with one another."""
    begin = after - after % SECOND
    while True:
        offset = offset_at(zone, begin)
        wall = cron.next_wall((begin + offset) // SECOND)
        if wall is None:  # pragma: no cover - what is parsed comes within 50 years
            return None
        found = wall * SECOND - offset
        change = first_change(zone, begin, found)
        if change is None:
            return found
        if cron.matches(wall_at(zone, change)):
            return change
        begin = change
