"""What a timetable will ask for: how often it fires, and in which minutes of the next two hours (TM-76, TM-79)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from coordinator.model.instants import MINUTE, Instant
from coordinator.model.schedules import NEVER, Schedule
from coordinator.timetable import fate_of, fires_per_minute, next_firing

AHEAD = 120  # minutes; it is looked at again after an hour, and the forecast is for one
STEPS_MAX = AHEAD  # more fire times than that come in nearly every minute


class Outlook(msgspec.Struct, frozen=True, gc=False):
    """`minutes` are counted since 1970, one for each fire time; None: as good as evenly spread."""

    per_minute: float
    minutes: tuple[int, ...] | None = None


def outlook(schedule: Schedule, at: Instant) -> Outlook:
    """As seen at `at`. Series of one interval have each a phase of its own, so together they are spread evenly."""
    rate = fires_per_minute(schedule, at)
    if schedule.every_ms:
        return Outlook(rate)
    anchor, after, minutes = schedule.start or at, at, list[int]()
    for _ in range(STEPS_MAX):
        firing = next_firing(schedule, "", anchor, after)
        if firing.fire_at == NEVER or firing.fire_at >= at + AHEAD * MINUTE:
            return Outlook(rate, tuple(minutes))
        if not fate_of(schedule, anchor, firing.fire_at):
            minutes.append(firing.due_at // MINUTE)
        after = firing.fire_at
    return Outlook(rate)


def forecast(outlooks: Iterable[tuple[Outlook, int]], at: Instant, minutes: int) -> list[float]:
    """Fire times in each of the next minutes, the present one first. Each outlook comes with how many series have it."""
    first, evenly = at // MINUTE, 0.0
    found = [0.0] * minutes
    for one, series in outlooks:
        if one.minutes is None:
            evenly += one.per_minute * series
            continue
        for minute in one.minutes:
            if first <= minute < first + minutes:
                found[minute - first] += series
    return [count + evenly for count in found]
