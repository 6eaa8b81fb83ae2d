"""How many runs all series ask for (TM-79): counted by timetable, executor and cost as records come and go.

How often a timetable fires is worked out once for each distinct one, some at a time, and again when that is an hour old:
the next seven days are other days by then.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from coordinator.duties.capacity import Demand
from coordinator.duties.outlook import Outlook, forecast
from coordinator.model.instants import HOUR, Instant
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Desired, Task

FRESH_MS = HOUR
FORECAST_MINUTES = 60
EFFORT = 100  # at a time: so many plain intervals, or one that takes a walk through a calendar
Look = Callable[[Schedule, Instant], Outlook]
_Key = tuple[Schedule, str, int]  # executor, cost


class _Timetable(msgspec.Struct, gc=False):
    series: int = 0
    outlook: Outlook | None = None  # None: not worked out yet
    fresh_until: Instant = 0


class SeriesDemand:
    """Follows the records. Members do so whether they lead or not; only a leader works anything out."""

    def __init__(self) -> None:
        self._series: dict[_Key, int] = {}
        self._timetables: dict[Schedule, _Timetable] = {}
        self._new: dict[Schedule, None] = {}  # never worked out
        self._worked_out: dict[Schedule, None] = {}  # the one that has been so for longest first

    def follow(self, old: Task | None, new: Task | None) -> None:
        before, after = _schedule_of(old), _schedule_of(new)
        if before is after and (before is None or _cost_of(old) == _cost_of(new)):
            return
        if new is not None and after is not None:
            self._count((after, new.executor, new.policy.cost), 1)
        if old is not None and before is not None:
            self._count((before, old.executor, old.policy.cost), -1)

    @property
    def series(self) -> int:
        """Enabled ones."""
        return sum(self._series.values())

    def pending(self) -> int:
        """Series whose timetable was never worked out: the demand does not have them yet."""
        return sum(one.series for one in self._timetables.values() if one.outlook is None)

    def work_out(self, look: Look, at: Instant) -> int:
        """Look at timetables that are new or not fresh any more, as many as keep nobody waiting; returns how many."""
        looked, effort = 0, 0
        while effort < EFFORT:
            schedule = next(iter(self._new or self._worked_out), None)
            if schedule is None or self._timetables[schedule].fresh_until > at:
                break
            self._new.pop(schedule, None)
            self._worked_out.pop(schedule, None)
            self._worked_out[schedule] = None
            timetable = self._timetables[schedule]
            timetable.outlook = look(schedule, at)
            timetable.fresh_until = at + FRESH_MS
            looked += 1
            effort += 1 if schedule.every_ms and not schedule.blackouts else EFFORT
        return looked

    def demands(self) -> tuple[Demand, ...]:
        """By executor and cost."""
        found: dict[tuple[str, int], float] = {}
        for (schedule, executor, cost), series in self._series.items():
            seen = self._timetables[schedule].outlook
            fires = seen.per_minute * series if seen is not None else 0.0
            found[executor, cost] = found.get((executor, cost), 0.0) + fires
        return tuple(
            Demand(executor, rate, rate * cost) for (executor, cost), rate in sorted(found.items())
        )

    def forecast(self, at: Instant) -> list[float]:
        """Fire times in each minute of the next hour, of all that were worked out."""
        outlooks = (
            (one.outlook, one.series)
            for one in self._timetables.values()
            if one.outlook is not None
        )
        return forecast(outlooks, at, FORECAST_MINUTES)

    def _count(self, key: _Key, change: int) -> None:
        series = self._series.get(key, 0) + change
        timetable = self._timetables.get(key[0])
        if timetable is None:
            timetable = self._timetables[key[0]] = _Timetable()
            self._new[key[0]] = None
        timetable.series += change
        if series:
            self._series[key] = series
        else:
            del self._series[key]
        if not timetable.series:
            del self._timetables[key[0]]
            self._new.pop(key[0], None)
            self._worked_out.pop(key[0], None)


def _cost_of(task: Task | None) -> int:
    return task.policy.cost if task is not None else 0


def _schedule_of(task: Task | None) -> Schedule | None:
    """Of a series that is enabled: not ended, not paused."""
    if task is None or task.is_terminal or task.desired is not Desired.RUNNING:
        return None
    return task.spec.schedule
