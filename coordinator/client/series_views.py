"""What callers see of recurring tasks and their timetables; the rules of `views.py` hold."""

from __future__ import annotations

from msgspec import Struct


class Occurrence(Struct, frozen=True):
    """One time that a recurring task runs; without `fire_at` no fire time of its timetable stands behind it.

    `cause`: schedule, run_now, extra, resumed or retry; `attempts`: failed ones within it.
    """

    cause: str
    fire_at: int | None
    due_at: int | None
    attempts: int


class Series(Struct, frozen=True):
    """Where a recurring task stands. `occurrence` is the one that is pending or runs; `queued`: how many wait behind it."""

    next_fire_at: int | None
    next_due_at: int | None
    last_fire_at: int | None
    occurrence: Occurrence | None
    queued: int
    failures: int
    extra_at: int | None


class FireTime(Struct, frozen=True):
    """An instant of a timetable, and what is to become of it as far as can be said.

    `fate`: started or skipped; `reason` of a skipped one: blackout, dst_gap; `note`: clock_goes_back,
    clock_goes_forward. It is due within `jitter_ms` after `at`.
    """

    at: int
    local: str
    fate: str
    reason: str | None
    jitter_ms: int
    note: str | None


class SchedulePreview(Struct, frozen=True):
    """What a timetable has to come. `warnings`: local times that a clock change skips or repeats, and the like."""

    expression: str
    timezone: str
    reading: str
    from_at: int | None
    items: list[FireTime]
    warnings: list[str]
