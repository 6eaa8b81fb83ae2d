"""Neighbouring fire times that share what can be foreseen of them, so that millions of them cost no more than one.

Of an interval a stretch is found by arithmetic, up to where a black-out begins or ends. Of cron and rrule each stretch is a
single fire time: how many there are cannot be told without a walk.
"""

from __future__ import annotations

from typing import NamedTuple

from coordinator.model.instants import Instant, Millis
from coordinator.model.schedules import Firing, Schedule, Series
from coordinator.timetable.firing import NONE_LEFT, due_at, fate_of, next_firing
from coordinator.timetable.windows import next_begin, windows_at


class Stretch(NamedTuple):
    """`fires` of them, `step` apart, from `first` to `last`; `fate` as `fate_of` says."""

    first: Instant
    last: Instant
    fires: int
    step: Millis
    fate: str

    def newest(self, count: int) -> tuple[Instant, ...]:
        """The last `count` of its fire times, oldest first."""
        return tuple(self.last - back * self.step for back in reversed(range(count)))

    def without_newest(self, count: int) -> Stretch | None:
        """What is left of it, None if nothing is."""
        left = self.fires - count
        if left <= 0:
            return None
        return self._replace(last=self.last - count * self.step, fires=left)


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
    stretch = Stretch(first, first, 1, 0, fate_of(schedule, anchor, first))
    return Walk((stretch,), _following(schedule, task_id, anchor, first))


def _following(schedule: Schedule, task_id: str, anchor: Instant, after: Instant) -> Firing:
    """An interval that counts from its runs has no next one before its run has ended."""
    if schedule.count_from != "due":
        return NONE_LEFT
    return next_firing(schedule, task_id, anchor, after)


def _stretch(
    schedule: Schedule, task_id: str, anchor: Instant, firing: Firing, now: Instant
) -> Stretch:
    first, every = firing.fire_at, schedule.every_ms
    fate = fate_of(schedule, anchor, first)
    single = Stretch(first, first, 1, every, fate)
    on_grid = every and first >= anchor and (first - anchor) % every == 0
    if not on_grid or schedule.count_from != "due":
        return single
    limit = min(_last_alike(schedule, first, fate), now)
    if schedule.end:
        limit = min(limit, schedule.end - 1)
    last = first + max(0, limit - first) // every * every
    while last > first and not fate and due_at(schedule, task_id, anchor, last) > now:
        last -= every
    return single._replace(last=last, fires=(last - first) // every + 1)


def _last_alike(schedule: Schedule, first: Instant, fate: str) -> Instant:
    """Up to here, at least, the fire times of an interval share the fate of `first`."""
    if not schedule.blackouts:
        return 1 << 62
    covering = windows_at(schedule.blackouts, first)
    if not covering:
        opens = next_begin(schedule.blackouts, first)
        return 1 << 62 if opens is None else opens - 1
    if not fate:
        return first  # moved to the end of its window: the next one is another matter
    skipping = [window.end - 1 for window in covering if not window.shifts]
    shifting = [window.end - schedule.every_ms for window in covering if window.shifts]
    return max(min(skipping or shifting), first)
