"""Schedules at the door: from the wire and back, judged before anything is decided (TM-18), looked ahead in (TM-19)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from coordinator import timetable
from coordinator.api.errors import Code, Rejected
from coordinator.machine.outcome import Refusal
from coordinator.model.instants import Instant, Millis
from coordinator.model.schedules import (
    Blackout,
    Schedule,
    Series,
    awaits_its_run,
    same_rule,
    same_times,
)
from coordinator.model.tasks import Task, TaskSpec
from coordinator.wire.v1 import tasks_pb2 as wire

FIRE_TIMES = 10  # that a dry run shows
FIRE_TIMES_MAX = 1_000
_PLAIN = ("every_ms", "cron", "rrule", "jitter_ms", "start_deadline_ms", "pause_after_failures")
_WORDS = ("time_zone", "count_from", "misfire", "overlap", "dst_gap")
_OPTIONAL = ("misfire_grace_ms", "max_catch_up")


def schedule_from_wire(asked: wire.Schedule) -> Schedule:
    """What is unset has the model's default. Raises Rejected for a black-out that cannot be read."""
    fields = {name: getattr(asked, name) for name in _PLAIN}
    fields |= {name: value for name in _WORDS if (value := getattr(asked, name))}
    fields |= {name: getattr(asked, name) for name in _OPTIONAL if asked.HasField(name)}
    windows = tuple(_blackout(number, text) for number, text in enumerate(asked.blackouts))
    return Schedule(start=asked.start_at, end=asked.end_at, blackouts=windows, **fields)


@lru_cache(maxsize=1_000)
def schedule_to_wire(found: Schedule) -> wire.Schedule:
    """Not to be changed by whoever gets it: equal schedules share one message."""
    made = wire.Schedule(
        start_at=found.start,
        end_at=found.end,
        max_catch_up=found.max_catch_up,
        blackouts=[timetable.blackout_text(one) for one in found.blackouts],
        **{name: getattr(found, name) for name in (*_PLAIN, *_WORDS)},
    )
    if found.misfire_grace_ms >= 0:
        made.misfire_grace_ms = found.misfire_grace_ms
    return made


def series_to_wire(series: Series) -> wire.Series:
    found = wire.Series(
        next_fire_at=series.next.fire_at,
        next_due_at=series.next.due_at,
        last_fire_at=series.handled,
        queued=len(series.queue),
        failures=series.failures,
        extra_at=series.extra_at,
    )
    now = series.occurrence
    if now is not None:
        found.occurrence.CopyFrom(
            wire.Occurrence(
                cause=now.cause, fire_at=now.fire_at, due_at=now.due_at, attempts=now.attempts
            )
        )
    return found


def check_schedule(spec: TaskSpec, at: Instant) -> None:
    """Raises Rejected `invalid_schedule`, naming field, value and bounds."""
    if spec.schedule is None:
        return
    wrong = timetable.problem(spec.schedule, at)
    if wrong is not None:
        raise invalid_schedule(wrong.field, wrong.text)


def invalid_schedule(field: str, why: str) -> Rejected:
    named = f"schedule.{field}" if field else "schedule"
    return Rejected(
        Code.INVALID_ARGUMENT,
        Refusal.INVALID_SCHEDULE.value,
        f"{named}: {why}",
        {"field": named},
        ((named, why),),
        settled=True,
    )


def fire_times(
    schedule: Schedule, task_id: str, anchor: Instant, from_at: Instant, count: int
) -> list[wire.FireTime]:
    """The next ones strictly after `from_at`."""
    found = timetable.preview(schedule, task_id, anchor, from_at, count)
    return [
        wire.FireTime(
            at=one.at,
            local=one.local,
            fate=one.fate,
            reason=one.reason,
            jitter_ms=one.jitter_ms,
            note=one.note,
        )
        for one in found
    ]


def fire_times_of(task: Task, now: Instant, count: int, later: Instant = 0) -> list[wire.FireTime]:
    """Of a record as it is, or as it would be, from now on or from a later instant; none of a one-off."""
    schedule, series = task.spec.schedule, task.series
    if schedule is None:
        return []
    if series is not None and series.anchor and not series.needs:
        # what comes next has not been handled, however near it is
        upto = min(now, series.next.fire_at - 1) if series.next.fire_at else now
        return fire_times(schedule, task.id, series.anchor, max(upto, later - 1), count)
    return first_fire_times(schedule, task.id, task.spec.due_at, max(now, later), count)


def fire_times_after(
    task: Task, schedule: Schedule, now: Instant, count: int
) -> list[wire.FireTime]:
    """Those that the task would have after an edit that gives it this schedule (TM-25)."""
    series, old = task.series, task.spec.schedule
    if same_times(old, schedule):
        return fire_times_of(task, now, count)
    if series is None or not series.anchor:
        return first_fire_times(schedule, task.id, task.spec.due_at, now, count)
    if awaits_its_run(schedule, series) and schedule.start <= now:
        return []
    if same_rule(old, schedule):
        return fire_times(schedule, task.id, series.anchor, now, count)
    anchor, first = timetable.edited(schedule, task.id, series, now)
    if not first.fire_at:
        return []
    return fire_times(schedule, task.id, anchor, first.fire_at - 1, count)


def first_fire_times(
    schedule: Schedule, task_id: str, due_at: Instant | None, at: Instant, count: int
) -> list[wire.FireTime]:
    """Of a series that begins at `at` (TM-17)."""
    anchor, first = timetable.first_firing(schedule, task_id, at, due_at or 0)
    if not first.fire_at:
        return []
    return fire_times(schedule, task_id, anchor, first.fire_at - 1, count)


def expression_of(schedule: Schedule) -> str:
    """The cron expression or rrule as it stands; of an interval its reading in words."""
    return schedule.cron or schedule.rrule or timetable.reading(schedule)


def warnings_of(schedule: Schedule, usual_run_ms: Millis, at: Instant) -> Iterable[str]:
    """What may surprise: local times that a clock change skips or repeats, runs longer than the interval (EX-15)."""
    return timetable.lint(schedule, usual_run_ms, at)


def _blackout(number: int, text: str) -> Blackout:
    try:
        return timetable.parse_blackout(text)
    except ValueError as error:
        raise invalid_schedule(f"blackouts[{number}]", str(error)) from None
