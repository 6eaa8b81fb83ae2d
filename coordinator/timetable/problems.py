"""What is wrong with a timetable, found at the door (TM-18): the field, the value and its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

from coordinator.model.instants import DAY, HOUR, SECOND, Instant, Millis
from coordinator.model.schedules import Blackout, Schedule
from coordinator.model.settings import duration_text
from coordinator.timetable.cron import cron_of
from coordinator.timetable.firing import first_firing
from coordinator.timetable.rules import rule_of
from coordinator.timetable.steps import LAST_INSTANT, next_fire
from coordinator.timetable.windows import (
    WEEK_MINUTES,
    windows_at,
)
from coordinator.timetable.zones import zone_names

EVERY_MIN, EVERY_MAX = SECOND, 366 * DAY
BLACKOUTS_MAX = 32
CATCH_UP_MAX = 1_000
GRACE_MAX = 24 * HOUR
DEADLINE_MAX = 366 * DAY
BLACKOUT_MAX = 31 * DAY
FAILURES_MAX = 1_000_000
WINDOWS_TRIED = 500  # for a fire time that comes out of all black-outs
GAPS_SEEN = 2_000  # fire times looked at for the shortest gap
_WORDS = {
    "from": ("count_from", ("due", "start", "end")),
    "misfire": ("misfire", ("once", "all", "skip")),
    "overlap": ("overlap", ("skip", "queue_one", "replace")),
    "dst_gap": ("dst_gap", ("skip", "shift")),
}


class Problem(NamedTuple):
    field: str  # as callers write it: `every`, `from`, `blackouts[2].time_zone`
    text: str


def problem(schedule: Schedule, at: Instant) -> Problem | None:
    """The first thing wrong with a schedule created or edited at `at`; None: it may be stored."""
    return next(_problems(schedule, at), None)


def _problems(schedule: Schedule, at: Instant) -> Iterator[Problem]:
    """Each check relies on those before it: the caller takes the first problem and asks for no other."""
    yield from _kinds(schedule)
    yield from _numbers(schedule)
    yield from _words(schedule)
    yield from _zones(schedule)
    yield from _blackouts(schedule)
    yield from _span(schedule, at)
    yield from _texts(schedule, at)
    yield from _firing(schedule, at)
    yield from _jitter(schedule, at)


def shortest_gap(schedule: Schedule, at: Instant) -> Millis:
    """Between neighbours among the next 2,000 fire times; 366 days where there are no two."""
    if schedule.every_ms:
        return schedule.every_ms
    return _shortest_gap(schedule.cron, schedule.rrule, schedule.time_zone, schedule.start or at)


@lru_cache(maxsize=1024)
def _shortest_gap(cron: str, rrule: str, time_zone: str, anchor: Instant) -> Millis:
    schedule = Schedule(cron=cron, rrule=rrule, time_zone=time_zone)
    shortest, before = EVERY_MAX, next_fire(schedule, anchor, anchor - 1)
    for _ in range(GAPS_SEEN):
        following = None if before is None else next_fire(schedule, anchor, before)
        if before is None or following is None:
            break
        shortest, before = min(shortest, following - before), following
    return shortest


def _kinds(schedule: Schedule) -> Iterator[Problem]:
    given = [
        name
        for name, value in (
            ("every", schedule.every_ms),
            ("cron", schedule.cron),
            ("rrule", schedule.rrule),
        )
        if value
    ]
    if not given:
        yield Problem("every", "a schedule needs exactly one of every, cron and rrule")
    if len(given) > 1:
        names = " and ".join(given)
        yield Problem(
            given[1], f"{names} exclude each other: give exactly one of every, cron and rrule"
        )


def _numbers(schedule: Schedule) -> Iterator[Problem]:
    if schedule.every_ms and not EVERY_MIN <= schedule.every_ms <= EVERY_MAX:
        yield _bounds("every", schedule.every_ms, "1s .. 366d")
    for field, value, high in (
        ("jitter", schedule.jitter_ms, EVERY_MAX),
        ("misfire_grace", max(schedule.misfire_grace_ms, 0), GRACE_MAX),
        ("start_deadline", schedule.start_deadline_ms, DEADLINE_MAX),
    ):
        if not 0 <= value <= high:
            yield _bounds(field, value, f"0s .. {duration_text(high)}")
    if not 1 <= schedule.max_catch_up <= CATCH_UP_MAX:
        yield Problem("max_catch_up", f"{schedule.max_catch_up} must be 1 .. {CATCH_UP_MAX}")
    if not 0 <= schedule.pause_after_failures <= FAILURES_MAX:
        wrong = schedule.pause_after_failures
        yield Problem("pause_after_failures", f"{wrong} must be 0 (never) .. {FAILURES_MAX}")


def _words(schedule: Schedule) -> Iterator[Problem]:
    for field, (name, words) in _WORDS.items():
        value = getattr(schedule, name)
        if value not in words:
            yield Problem(field, f"{value!r} must be one of {', '.join(words)}")
    if schedule.count_from != "due" and not schedule.every_ms:
        yield Problem("from", f"{schedule.count_from!r} is for every alone")


def _zones(schedule: Schedule) -> Iterator[Problem]:
    yield from _zone("time_zone", schedule.time_zone)
    for place, blackout in enumerate(schedule.blackouts):
        yield from _zone(f"blackouts[{place}].time_zone", blackout.time_zone)


def _zone(field: str, name: str) -> Iterator[Problem]:
    if name in zone_names():
        return
    near = get_close_matches(name, sorted(zone_names()), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    yield Problem(field, f"{name[:100]!r} is no IANA time zone{hint}")


def _texts(schedule: Schedule, at: Instant) -> Iterator[Problem]:
    try:
        if schedule.cron:
            cron_of(schedule.cron)
    except ValueError as wrong:
        yield Problem("cron", str(wrong))
    try:
        if schedule.rrule:
            rule_of(schedule.rrule, schedule.time_zone, at // SECOND, False)
    except ValueError as wrong:
        yield Problem("rrule", str(wrong))


def _blackouts(schedule: Schedule) -> Iterator[Problem]:
    if len(schedule.blackouts) > BLACKOUTS_MAX:
        yield Problem(
            "blackouts", f"{len(schedule.blackouts)} are given, at most {BLACKOUTS_MAX} are allowed"
        )
    for place, blackout in enumerate(schedule.blackouts):
        for field, text in _blackout(blackout):
            yield Problem(f"blackouts[{place}].{field}", text)


def _blackout(blackout: Blackout) -> Iterator[Problem]:
    if blackout.then not in {"skip", "shift"}:
        yield Problem("then", f"{blackout.then!r} must be one of skip, shift")
    if blackout.cron:
        if not SECOND <= blackout.duration_ms <= BLACKOUT_MAX:
            yield _bounds("duration", blackout.duration_ms, f"1s .. {duration_text(BLACKOUT_MAX)}")
        try:
            cron_of(blackout.cron)
        except ValueError as wrong:
            yield Problem("cron", str(wrong))
    elif blackout.duration_ms:
        yield Problem("duration", "goes with cron; a weekly span has a first and a last minute")
    elif not 0 <= blackout.first < WEEK_MINUTES or not 0 <= blackout.last < WEEK_MINUTES:
        yield Problem(
            "span",
            f"must begin and end within a week: 0 .. {WEEK_MINUTES - 1} minutes since Monday 00:00",
        )


def _span(schedule: Schedule, at: Instant) -> Iterator[Problem]:
    for field, value in (("start", schedule.start), ("end", schedule.end)):
        if not 0 <= value < LAST_INSTANT:
            yield Problem(field, "must be after 1970 and before the year 3000")
    if schedule.end and schedule.end <= schedule.start:
        yield Problem("end", "must be after start")
    if schedule.end and schedule.end <= at:
        yield Problem("end", "lies in the past: the schedule would never fire")


def _firing(schedule: Schedule, at: Instant) -> Iterator[Problem]:
    field = "every" if schedule.every_ms else "cron" if schedule.cron else "rrule"
    anchor, firing = first_firing(schedule, "", at, 0)
    if not firing.fire_at:
        within = " between start and end" if schedule.start or schedule.end else ""
        yield Problem(field, f"never fires{within}")
    elif schedule.blackouts and not _comes_out(schedule, anchor, firing.fire_at):
        yield Problem(
            "blackouts", "leave no fire time over: every one that was looked at falls into one"
        )


def _comes_out(schedule: Schedule, anchor: Instant, fire_at: Instant) -> bool:
    """Some fire time may start: looked for from the end of one window to the next."""
    at: Instant | None = fire_at
    for _ in range(WINDOWS_TRIED):
        if at is None:
            return False
        covering = windows_at(schedule.blackouts, at)
        if not covering:
            return True
        end = max(window.end for window in covering)
        moves = all(window.shifts for window in covering)
        at = end if moves else next_fire(schedule, anchor, end - 1)
    return False


def _jitter(schedule: Schedule, at: Instant) -> Iterator[Problem]:
    if not schedule.jitter_ms:
        return
    gap = shortest_gap(schedule, at)
    if schedule.jitter_ms * 2 > gap:
        most = f"at most {duration_text(gap // 2)}, half the shortest gap between fire times"
        yield Problem("jitter", f"{duration_text(schedule.jitter_ms)} must be {most}")


def _bounds(field: str, value: Millis, bounds: str) -> Problem:
    text = f"-{duration_text(-value)}" if value < 0 else duration_text(value)
    return Problem(field, f"{text} must be {bounds}")
