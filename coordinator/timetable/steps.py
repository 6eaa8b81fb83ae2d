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
    first_change,
    gap_at,
    offset_at,
    wall_at,
    walled,
)

LAST_INSTANT: Instant = 32_503_680_000_000  # the year 3000: no fire time from there on


def next_fire(schedule: Schedule, anchor: Instant, after: Instant) -> Instant | None:
    """The first fire time strictly after `after`; None when none is left."""
    after = max(after, schedule.start - 1)
    if schedule.every_ms:
        found: Instant | None = _next_of_interval(schedule.every_ms, anchor, after)
    elif schedule.cron:
        cron = cron_of(schedule.cron)
        step = _next_real_match if cron.by_elapsed_time else _next_of_cron
        found = step(cron, schedule.time_zone, after)
    else:
        found = _next_of_rule(rule_for(schedule, anchor), schedule.time_zone, after)
    end = schedule.end or LAST_INSTANT
    return found if found is not None and found < end else None


def rule_for(schedule: Schedule, anchor: Instant) -> Rule:
    """The rrule of a schedule, with `anchor` as its DTSTART: exactly, where the caller gave it as `start`."""
    given = schedule.start != 0
    return rule_of(schedule.rrule, schedule.time_zone, wall_at(schedule.time_zone, anchor), given)


def falls_into_gap(schedule: Schedule, anchor: Instant, fire_at: Instant) -> bool:
    """Only local times that do not exist stand behind this fire time (TM-14)."""
    if schedule.every_ms or fire_at % SECOND:
        return False
    zone = schedule.time_zone
    gap = gap_at(zone, fire_at)
    if gap is None:
        return False
    if schedule.cron:
        cron = cron_of(schedule.cron)
        if cron.by_elapsed_time:
            return False
        missing = cron.next_wall(gap.begin - 1)
        return missing is not None and missing < gap.end and not cron.matches(gap.end)
    rule = rule_for(schedule, anchor)
    missing = rule.next_wall(gap.begin - 1)
    return missing is not None and missing < gap.end and rule.next_wall(gap.end - 1) != gap.end


def goes_by_local_time(schedule: Schedule) -> bool:
    """Its fire times stand still on the clock on the wall when that is set."""
    if schedule.every_ms:
        return False
    return not schedule.cron or not cron_of(schedule.cron).by_elapsed_time


def _next_of_interval(every_ms: int, anchor: Instant, after: Instant) -> Instant:
    return anchor if after < anchor else after + every_ms - (after - anchor) % every_ms


def _next_of_cron(cron: Cron, zone: str, after: Instant) -> Instant | None:
    wall = cron.next_wall(wall_at(zone, after))
    while wall is not None:
        found = walled(zone, wall)
        if found > after:
            return found
        wall = cron.next_wall(
            wall
        )  # `after` lies in the second passage of an hour that comes twice
    return None


def _next_of_rule(rule: Rule, zone: str, after: Instant) -> Instant | None:
    wall = rule.next_wall(wall_at(zone, after))
    while wall is not None:
        found = walled(zone, wall)
        if found > after:
            return found
        wall = rule.next_wall(wall)
    return None


def _next_real_match(cron: Cron, zone: str, after: Instant) -> Instant | None:
    """From one change of the clock to the next: in between, walls and instants go along with one another."""
    begin = after - after % SECOND
    while True:
        offset = offset_at(zone, begin)
        wall = cron.next_wall((begin + offset) // SECOND)
        if wall is None:
            return None
        found = wall * SECOND - offset
        change = first_change(zone, begin, found)
        if change is None:
            return found
        if cron.matches(wall_at(zone, change)):
            return change
        begin = change
