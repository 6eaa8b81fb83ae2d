"""Schedules: what a caller asked of a recurring task, and where its series stands.

Nothing here knows a calendar. Which fire times a schedule has is for the timetable room to say, on the leader alone;
what the record needs of it comes in a command (TM-5).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from coordinator.model.instants import Instant, Millis

NEVER: Instant = 0  # of a next fire time: none is left, or it depends on the run in progress


class Blackout(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A window in which nothing of this schedule begins (TM-15): a weekly span, or a cron expression and a duration.

    `first` and `last` are minutes since Monday 00:00 by local time of `time_zone`; a span may go over the end of the week.
    """

    first: int = 0
    last: int = 0
    cron: str = ""  # then the window lasts `duration_ms` from each match
    duration_ms: Millis = 0
    time_zone: str = "UTC"
    then: str = "skip"  # skip, shift


class Schedule(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A timetable and its policies (TM section 2). Exactly one of `every_ms`, `cron`, `rrule` is given."""

    every_ms: Millis = 0
    cron: str = ""  # five fields, or six with seconds first, or @daily and its like
    rrule: str = ""  # RFC 5545, without DTSTART
    time_zone: str = "UTC"
    start: Instant = 0  # 0: none; no fire time before it
    end: Instant = 0  # 0: none; no fire time at or after it
    count_from: str = "due"  # of every: due, start, end
    jitter_ms: Millis = 0
    misfire: str = "once"  # once, all, skip
    misfire_grace_ms: Millis = -1  # -1: as the setting schedule.misfire_grace says
    max_catch_up: int = 1_000
    overlap: str = "skip"  # skip, queue_one, replace
    start_deadline_ms: Millis = 0  # 0: none
    dst_gap: str = "skip"  # skip, shift
    blackouts: tuple[Blackout, ...] = ()
    pause_after_failures: int = 0  # 0: never


POLICIES = (  # what is done with fire times; all other fields say when they are
    "misfire",
    "misfire_grace_ms",
    "max_catch_up",
    "overlap",
    "start_deadline_ms",
    "pause_after_failures",
)
RULE = ("every_ms", "cron", "rrule", "time_zone", "start")


def same_times(one: Schedule | None, other: Schedule | None) -> bool:
    """They differ in their policies at most."""
    when = (name for name in Schedule.__struct_fields__ if name not in POLICIES)
    return all(getattr(one, name, None) == getattr(other, name, None) for name in when)


def same_rule(one: Schedule | None, other: Schedule | None) -> bool:
    """The same cron expression or rrule, counted from the same beginning; no interval is."""
    if one is None or other is None or one.every_ms:
        return False
    return all(getattr(one, name) == getattr(other, name) for name in RULE)


class FateWord(StrEnum):
    STARTED = "started"
    SKIPPED = "skipped"
    MISSED = "missed"


class Fate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of `count` neighbouring fire times, `first` to `last` (TM-9). The words of `reason` are in FATE_REASONS."""

    word: FateWord
    reason: str
    first: Instant
    last: Instant
    count: int = 1


FATE_REASONS = (
    "",  # of started
    "overlap",
    "blackout",
    "dst_gap",
    "misfire",
    "start_deadline",
    "paused",
    "cancelled",
    "ended",
    "edited",
)


class Occurrence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One time that a series runs. `fire_at` is 0 where no fire time stands behind it: manual, extra, resumed."""

    cause: str  # schedule, run_now, extra, resumed, retry
    fire_at: Instant
    due_at: Instant
    attempts: int = 0  # failed ones within it (TM-38)
    placed: bool = False  # it had a node: its fate is `started`
    replaced: bool = False  # its run was asked to make room for what is queued (TM-12, TM-29)
    while_paused: bool = False  # somebody lets it run although the series is paused (TM-29)
    asked: bool = False  # somebody has asked for its run, which has no place yet (TM-29)


class Firing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The next fire time and when it is due (after jitter, or at the end of a black-out); (0, 0): none."""

    fire_at: Instant = NEVER
    due_at: Instant = NEVER


class Series(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a recurring task stands. `occurrence` is the one that is pending or runs; None while it waits for its time."""

    anchor: Instant  # of `every`: fire times are anchor + k x every
    next: Firing = Firing()
    handled: Instant = 0  # the fire time handled last
    occurrence: Occurrence | None = None
    queue: tuple[
        Occurrence, ...
    ] = ()  # held back by `queue_one`, `replace`, or a catch-up; oldest first
    extra_at: Instant = 0  # one more run then, asked for by a run (TM-4)
    failures: int = 0  # occurrences in a row that failed
    last_fate: Fate | None = None  # the range that the next fate may lengthen
    latest: Instant = 0  # the newest fire time that has a fate
    needs: str = ""  # first, resumed, edited: why the leader has to say anew what comes next; empty: it need not
    since: Instant = 0  # the fire times that come next are those after it
    first_at: Instant = 0  # due time of the first one, where the leader spread many (TM-21)
    fates: int = 0  # ranges of fates so far: the number of the last one
    runs: int = 0  # runs that were given a node so far
    passed: bool = False  # paused: a fire time came before an edit gave it another one (TM-27)


def last_start(schedule: Schedule, occurrence: Occurrence) -> Instant:
    """From when on it is too late to start this occurrence (`start_deadline`); NEVER: it may wait for a place for ever."""
    is_bound = occurrence.fire_at and not occurrence.placed and not occurrence.asked
    if not schedule.start_deadline_ms or not is_bound:
        return NEVER
    return occurrence.due_at + schedule.start_deadline_ms


def awaits_its_run(schedule: Schedule, series: Series) -> bool:
    """An interval that counts from its runs, with one: what comes next follows from its end, and no timetable knows it."""
    counts = schedule.every_ms and schedule.count_from != "due"
    return bool(counts) and series.occurrence is not None


ON_TIME_MS: Millis = (
    1_000  # a run that began so soon after its due time keeps the phase of the series
)


def after_run(
    schedule: Schedule, due_at: Instant, started_at: Instant, ended_at: Instant
) -> Instant:
    """The fire time after a run, of an interval that counts from its runs (TM-7).

    From `start`: the previous due time + every, if the run began within 1 s of it, else its start + every. From
    `end`: the end + every.
    """
    if schedule.count_from == "end":
        return ended_at + schedule.every_ms
    base = due_at if started_at - due_at <= ON_TIME_MS else started_at
    return base + schedule.every_ms
