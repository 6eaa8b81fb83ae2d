"""How many runs all series ask for (TM-79): counted by timetable, executor and cost as records come and go.

How often a timetable fires is worked out once for each distinct one, some at a time, and again when that is an hour old:
the next seven days are other days by then.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coordinator.duties.capacity import Demand
from coordinator.model.instants import HOUR, MINUTE, Instant
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Desired, Task

FRESH_MS = HOUR
FiresPerMinute = Callable[[Schedule, Instant], float]
_Key = tuple[Schedule, str, int]  # executor, cost


class _Timetable(msgspec.Struct, gc=False):
    series: int = 0
    per_minute: float | None = None  # None: not worked out yet
    fresh_until: Instant = 0


class SeriesDemand:
    """Follows the records. Members do so whether they lead or not; only a leader works anything out."""

    def __init__(self) -> None:
        self._series: dict[_Key, int] = {}
        self._timetables: dict[Schedule, _Timetable] = {}

    def follow(self, old: Task | None, new: Task | None) -> None:
        before, after = _schedule_of(old), _schedule_of(new)
        if before is after and (before is None or _cost_of(old) == _cost_of(new)):
            return
        if old is not None and before is not None:
            self._count((before, old.executor, old.policy.cost), -1)
        if new is not None and after is not None:
            self._count((after, new.executor, new.policy.cost), 1)

    @property
    def series(self) -> int:
        """Enabled ones."""
        return sum(self._series.values())

    def pending(self) -> int:
        """Series whose timetable was never worked out: the demand does not have them yet."""
        return sum(one.series for one in self._timetables.values() if one.per_minute is None)

    def work_out(self, fires_per_minute: FiresPerMinute, at: Instant, most: int) -> int:
        """Look at no more than `most` timetables that are new or not fresh any more; returns how many."""
        due = [one for one in self._timetables.items() if one[1].fresh_until <= at]
        due.sort(key=lambda one: one[1].fresh_until)
        for schedule, timetable in due[:most]:
            timetable.per_minute = fires_per_minute(schedule, at)
            timetable.fresh_until = at + FRESH_MS
        return len(due[:most])

    def demands(self) -> tuple[Demand, ...]:
        """By executor and cost."""
        found: dict[tuple[str, int], float] = {}
        for (schedule, executor, cost), series in self._series.items():
            fires = self._timetables[schedule].per_minute or 0.0
            found[executor, cost] = found.get((executor, cost), 0.0) + fires * series
        return tuple(
            Demand(executor, rate, rate * cost) for (executor, cost), rate in sorted(found.items())
        )

    def _count(self, key: _Key, change: int) -> None:
        series = self._series.get(key, 0) + change
        timetable = self._timetables.setdefault(key[0], _Timetable())
        timetable.series += change
        if series:
            self._series[key] = series
        else:
            del self._series[key]
        if not timetable.series:
            del self._timetables[key[0]]


def _cost_of(task: Task | None) -> int:
    return task.policy.cost if task is not None else 0


def fires_per_minute(schedule: Schedule, at: Instant) -> float:
    """Of an interval, exactly."""
    del at
    return MINUTE / schedule.every_ms if schedule.every_ms else 0.0


def _schedule_of(task: Task | None) -> Schedule | None:
    """Of a series that is enabled: not ended, not paused."""
    if task is None or task.is_terminal or task.desired is not Desired.RUNNING:
        return None
    return task.spec.schedule
