"""Neighbouring fire times that share what can be foreseen of them, so that millions of them cost no more than one.

A stretch ends where a black-out begins or ends, or the clock is set. Its fire times are counted and not walked, but for the
few rrules that cannot be counted: there each stretch is a single fire time.
"""

from __future__ import annotations

from typing import NamedTuple

from coordinator.model.instants import DAY, Instant, Millis
from coordinator.model.schedules import Firing, Schedule, Series
from coordinator.timetable.counting import count_fires, newest_fires
from coordinator.timetable.firing import NONE_LEFT, due_at, fate_of, next_firing
from coordinator.timetable.steps import LAST_INSTANT, next_fire
from coordinator.timetable.windows import next_begin, windows_at
from coordinator.timetable.zones import first_change

COUNTED_AT_ONCE: Millis = 400 * DAY  # of local time, whose days are looked at one by one


class Stretch(NamedTuple):
    """`fires` of them from `first` to `last`; `fate` as `fate_of` says."""

    schedule: Schedule
    anchor: Instant
    first: Instant
    last: Instant
    fires: int
    fate: str

    def newest(self, count: int) -> tuple[Instant, ...]:
        """The last `count` of its fire times, oldest first."""
        if count == 0:
            return ()
        if count == self.fires:  # the first one may be none of the timetable's own
            return (self.first, *self.newest(count - 1))
        return newest_fires(self.schedule, self.anchor, self.first, self.last, count)

    def without_newest(self, count: int) -> Stretch | None:
        """What is left of it, None if nothing is."""
        left = self.fires - count
        if left <= 0:
            return None
        return self._replace(last=self.newest(count + 1)[0], fires=left)


class Walk(NamedTuple):
    """Stretches of fire times that are due, and the first fire time behind them."""

    stretches: tuple[Stretch, ...]
    next: Firing


def walk(schedule: Schedule, task_id: str, series: Series, now: Instant, limit: int) -> Walk:
    """All that is due by `now`, from the record's next fire time on, in at most `limit` stretches."""
    found: list[Stretch] = []
    firing = series.next
    while 0 < firing.due_at <= now and len(found) < limit:
        stretch = _stretch(schedule, task_id, series.anchor, firing, now)
        found.append(stretch)
        firing = _following(schedule, task_id, series.anchor, stretch.last)
    return Walk(tuple(found), firing)


def next_alone(schedule: Schedule, task_id: str, series: Series) -> Walk:
    """The record's next fire time alone."""
    first, anchor = series.next.fire_at, series.anchor
    stretch = Stretch(schedule, anchor, first, first, 1, fate_of(schedule, anchor, first))
    return Walk((stretch,), _following(schedule, task_id, anchor, first))


def _following(schedule: Schedule, task_id: str, anchor: Instant, after: Instant) -> Firing:
    """An interval that counts from its runs has no next one before its run has ended."""
    if schedule.count_from != "due":
        return NONE_LEFT
    return next_firing(schedule, task_id, anchor, after)


def _stretch(
    schedule: Schedule, task_id: str, anchor: Instant, firing: Firing, now: Instant
) -> Stretch:
    first = firing.fire_at
    fate = fate_of(schedule, anchor, first)
    found = Stretch(schedule, anchor, first, first, 1, fate)
    is_own = next_fire(schedule, anchor, first - 1) == first
    if not is_own or schedule.count_from != "due" or fate == "dst_gap":
        return found
    limit, until_last = _alike(found, min(now, (schedule.end or LAST_INSTANT) - 1))
    if not schedule.every_ms:
        limit = min(limit, first + COUNTED_AT_ONCE)
        change = first_change(schedule.time_zone, first, limit)
        limit = limit if change is None else change - 1
    if until_last:
        limit = _newest(schedule, anchor, first, limit)[0] - 1
    last, more = _newest(schedule, anchor, first, limit)
    found = found._replace(last=last, fires=1 + more)
    while found.fires > 1 and not fate and due_at(schedule, task_id, anchor, found.last) > now:
        found = found.without_newest(1) or found
    return found


def _alike(found: Stretch, limit: Instant) -> tuple[Instant, bool]:
    """Up to where, `limit` at most, the fire times share the fate of the first one; True: all of them but the last."""
    blackouts = found.schedule.blackouts
    if not blackouts:
        return limit, False
    covering = windows_at(blackouts, found.first)
    if not covering:
        opens = next_begin(blackouts, found.first)
        return (limit if opens is None else min(limit, opens - 1)), False
    if not found.fate:
        return found.first, False  # moved to the end of its window: the next one is another matter
    skipping = [window.end - 1 for window in covering if not window.shifts]
    if skipping:
        return min(limit, *skipping), False
    # The last one up to the end of the window may be moved, and not skipped.
    return min(limit, *(window.end for window in covering)), True


def _newest(
    schedule: Schedule, anchor: Instant, first: Instant, limit: Instant
) -> tuple[Instant, int]:
    """The last fire time up to `limit`, and how many come after the first one until then; the first one, if none does."""
    more = count_fires(schedule, anchor, first + 1, limit + 1) if limit > first else 0
    if not more:
        return first, 0
    return newest_fires(schedule, anchor, first, limit, 1)[0], more
