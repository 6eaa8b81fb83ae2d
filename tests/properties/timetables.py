"""Schedules to try, and what their fire times are by brute force: every half minute looked at, no arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from coordinator.model.instants import DAY, HOUR, MINUTE, Instant
from coordinator.model.schedules import Blackout, Schedule
from coordinator.timetable.zones import first_change, zone_names

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HALF_MINUTE = MINUTE // 2  # no offset since 1970 is finer
YEAR = 365 * DAY

zones = st.sampled_from(sorted(zone_names()))
years = st.integers(0, 70)  # since 1970


def packaged(name: str) -> ZoneInfo:
    """With the zone data that the timetables use, whatever the machine has."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


class Fields(NamedTuple):
    """A cron expression, and what each of its fields lets through."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]  # Monday = 0
    by_elapsed_time: bool

    def match(self, shown: datetime) -> bool:
        return (
            shown.second == 0
            and shown.minute in self.minutes
            and shown.hour in self.hours
            and shown.weekday() in self.weekdays
        )


@st.composite
def cron_fields(draw: st.DrawFn) -> Fields:
    minutes = draw(st.frozensets(st.integers(0, 59), min_size=1, max_size=4))
    kind = draw(st.sampled_from(["fixed", "fixed", "every", "step"]))
    if kind == "fixed":
        hours = draw(st.frozensets(st.integers(0, 23), min_size=1, max_size=5))
        hour_text = ",".join(map(str, sorted(hours)))
    elif kind == "every":
        hours, hour_text = frozenset(range(24)), "*"
    else:
        step = draw(st.integers(1, 12))
        hours, hour_text = frozenset(range(0, 24, step)), f"*/{step}"
    weekdays = draw(
        st.one_of(st.just(frozenset(range(7))), st.frozensets(st.integers(0, 6), min_size=1))
    )
    day_text = "*" if len(weekdays) == 7 else ",".join(str(day + 1) for day in sorted(weekdays))
    text = f"{','.join(map(str, sorted(minutes)))} {hour_text} * * {day_text}"
    return Fields(text, minutes, hours, weekdays, kind != "fixed")


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, Instant]:
    """A zone and an instant in it: around a change of its clock, if it has one within a year."""
    zone, begin = draw(zones), draw(years) * YEAR + DAY * 2
    change = first_change(zone, begin, begin + YEAR)
    at = draw(st.integers(-40, 2)) * HOUR + (begin if change is None else change)
    return zone, at - at % HALF_MINUTE


class Shown(NamedTuple):
    at: Instant
    local: datetime


def half_minutes(zone: ZoneInfo, begin: Instant, end: Instant) -> Iterator[Shown]:
    for at in range(begin, end, HALF_MINUTE):
        yield Shown(at, (EPOCH + timedelta(milliseconds=at)).astimezone(zone))


def expected_fires(
    fields: Fields, zone: ZoneInfo, begin: Instant, end: Instant
) -> dict[Instant, str]:
    """Fire times from `begin` up to, not including, `end`, each with its fate by `dst_gap = skip`."""
    found: dict[Instant, str] = {}
    before: datetime | None = None
    for at, local in half_minutes(zone, begin - HALF_MINUTE, end):
        if before is not None:
            left_out = [] if fields.by_elapsed_time else _left_out(before, local)
            real = fields.match(local) and (fields.by_elapsed_time or local.fold == 0)
            if real or any(map(fields.match, left_out)):
                found[at] = "" if real else "dst_gap"
        before = local
    return found


def _left_out(before: datetime, now: datetime) -> list[datetime]:
    """What the clock would have shown in between."""
    wall, until = before.replace(tzinfo=None, fold=0), now.replace(tzinfo=None, fold=0)
    step = timedelta(milliseconds=HALF_MINUTE)
    found = []
    while (wall := wall + step) < until:
        found.append(wall)
    return found


blackouts = st.builds(
    lambda first, length, then, zone: Blackout(
        first, (first + length) % 10_080, then=then, time_zone=zone
    ),
    st.integers(0, 10_079),
    st.integers(1, 3_000),
    st.sampled_from(["skip", "shift"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns"]),
)
cron_blackouts = st.builds(
    lambda cron, minutes, then: Blackout(cron=cron, duration_ms=minutes * MINUTE, then=then),
    st.sampled_from(["*/20 * * * *", "0 */3 * * *", "15 4 * * *"]),
    st.integers(1, 90),
    st.sampled_from(["skip", "shift"]),
)
_timetables = st.sampled_from(
    [
        {"every_ms": 7 * MINUTE},
        {"every_ms": HOUR},
        {"cron": "*/13 * * * *"},
        {"cron": "*/10 1-3 * * *", "time_zone": "Europe/Berlin"},
        {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "dst_gap": "shift"},
        {"cron": "*/3 1-4,12 * * 1-5", "time_zone": "America/St_Johns", "dst_gap": "shift"},
        {"cron": "*/40 */2 * * *", "time_zone": "Australia/Lord_Howe"},
        {"rrule": "FREQ=MINUTELY;INTERVAL=17", "time_zone": "Europe/Berlin"},
        {"rrule": "FREQ=MINUTELY;INTERVAL=25;BYHOUR=0,1,2,3", "time_zone": "Europe/Berlin"},
        {"rrule": "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30", "time_zone": "Europe/Berlin"},
    ]
)
_make: Callable[..., Schedule] = lambda timetable, **policies: Schedule(**timetable, **policies)  # noqa: E731
schedules: st.SearchStrategy[Schedule] = st.builds(
    _make,
    _timetables,
    jitter_ms=st.sampled_from([0, 0, 2 * MINUTE]),
    misfire=st.sampled_from(["once", "all", "skip"]),
    max_catch_up=st.integers(1, 6),
    start_deadline_ms=st.sampled_from([0, 0, 10 * MINUTE]),
    blackouts=st.lists(st.one_of(blackouts, cron_blackouts), max_size=3).map(tuple),
)
