"""Timetables against brute force, in every zone and over every clock change; and each fire time with exactly one fate."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from coordinator.model.instants import DAY, HOUR, MINUTE, Instant
from coordinator.model.schedules import FateWord, Firing, Schedule, Series
from coordinator.timetable import Plan, fate_of, next_firing, plan, problem
from coordinator.timetable.rules import rule_of
from coordinator.timetable.steps import next_fire
from coordinator.timetable.zones import datetime_of, wall_at, wall_of, walled
from tests.properties.timetables import (
    EPOCH,
    Fields,
    cron_fields,
    expected_fires,
    moments,
    packaged,
    schedules,
)

TASK = "t"
pytestmark = pytest.mark.timeout(900)  # making a failing example short takes its time


@settings(max_examples=80)
@given(cron_fields(), moments())
def test_cron_is_what_a_look_at_every_half_minute_finds(
    fields: Fields, moment: tuple[str, Instant]
) -> None:
    zone, begin = moment
    end = begin + 60 * HOUR
    expected = expected_fires(fields, packaged(zone), begin, end)
    schedule = Schedule(cron=fields.text, time_zone=zone)
    found: dict[Instant, str] = {}
    at = next_fire(schedule, 0, begin - 1)
    while at is not None and at < end:
        found[at] = fate_of(schedule, 0, at)
        at = next_fire(schedule, 0, at)
    assert found == expected


@settings(max_examples=100)
@given(moments(), st.integers(0, 60 * 60))
def test_walls_and_instants_agree_with_the_clock(moment: tuple[str, Instant], later: int) -> None:
    name, at = moment
    at += later * 120_000
    local = (EPOCH + timedelta(milliseconds=at)).astimezone(packaged(name))
    wall = wall_at(name, at)
    assert datetime_of(wall) == local.replace(tzinfo=None, fold=0, microsecond=0)
    assert walled(name, wall) <= at
    if local.fold == 0:
        assert walled(name, wall) == at - at % 1_000


_lists: dict[str, st.SearchStrategy[list[Any]]] = {
    "BYHOUR": st.lists(st.integers(0, 23), min_size=1, max_size=4),
    "BYMINUTE": st.lists(st.integers(0, 59), min_size=1, max_size=4),
    "BYSECOND": st.lists(st.integers(0, 59), min_size=1, max_size=3),
    "BYDAY": st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=2, max_size=5),
    "BYMONTHDAY": st.lists(st.integers(-28, 28).filter(bool), min_size=4, max_size=9),
    "BYMONTH": st.lists(st.integers(1, 12), min_size=2, max_size=6),
    "BYSETPOS": st.lists(st.integers(-3, 3).filter(bool), min_size=1, max_size=3),
}  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(
        st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
    )
    names = draw(st.lists(st.sampled_from(sorted(_lists)), max_size=3, unique=True))
    if freq == "WEEKLY":
        # in a first week that is not whole the library counts positions from DTSTART on, and not among all
        names = [name for name in names if name not in {"BYMONTHDAY", "BYSETPOS"}]
    if names == ["BYSETPOS"]:
        names = []
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.integers(1, 40))}"]
    parts += [f"{name}={','.join(map(str, draw(_lists[name])))}" for name in names]
    return ";".join([*parts, f"WKST={draw(st.sampled_from(['MO', 'SU', 'TH']))}"])


@settings(max_examples=100)
@given(rules(), st.integers(0, 60 * 365 * 86_400))
def test_rules_are_what_the_library_walks(text: str, start: int) -> None:
    rule = rule_of(text, "UTC", start, True)
    found: list[datetime] = []
    wall = rule.next_wall(start - 1)
    while wall is not None and len(found) < 25:
        found.append(datetime_of(wall))
        wall = rule.next_wall(wall)
    try:
        expected = list(islice(rrulestr(text, dtstart=datetime_of(start)), len(found)))
    except ValueError:  # the library's word for a rule that its interval keeps from ever matching
        expected = []
    assert found == expected
    assume(found)
    counted = rule.count_between(start, wall_of(found[-1]))
    assert counted is None or counted == len(found) - 1


@settings(max_examples=80)
@given(schedules, st.integers(0, 400 * 24), st.integers(0, 59))
def test_due_times_rise_as_fire_times_do(schedule: Schedule, hours: int, minutes: int) -> None:
    at = 1_780_000_000_000 + hours * HOUR + minutes * MINUTE
    assume(problem(schedule, at) is None)
    found: list[Firing] = []
    firing = next_firing(schedule, TASK, at, at - 1)
    while firing != Firing() and len(found) < 60:
        found.append(firing)
        firing = next_firing(schedule, TASK, at, firing.fire_at)
    for one, following in pairwise(found):
        assert one.fire_at <= one.due_at < following.fire_at <= following.due_at
        if fate_of(schedule, at, one.fire_at):
            assert one.due_at == one.fire_at


@settings(max_examples=100)
@given(
    schedules,
    st.integers(0, 400 * 24),
    st.integers(0, 4 * 24 * 60),
    st.sampled_from([0, MINUTE, HOUR]),
    st.sampled_from([1, 3, 10, 5_000]),
)
def test_every_fire_time_has_exactly_one_fate(
    schedule: Schedule, hours: int, outage: int, grace: int, limit: int
) -> None:
    anchor = 1_780_000_000_000 + hours * HOUR
    assume(problem(schedule, anchor) is None)
    series = Series(anchor, next_firing(schedule, TASK, anchor, anchor - 1))
    now = series.next.due_at + outage * MINUTE
    fires = _fire_times(schedule, series, now)
    handled, starts = 0, 0
    while (found := plan(schedule, TASK, series, now, grace, limit)) is not None:
        assert found.handled == series.next.fire_at == fires[handled]
        got = _one_fate_each(found, fires[handled:])
        assert got >= 1
        handled += got
        starts += (found.start is not None) + len(found.catch_up)
        for one in (found.start, *found.catch_up):
            assert one is None or not fate_of(schedule, anchor, one.fire_at)
            assert one is None or one.fire_at <= one.due_at <= now
        series = replace(series, next=found.next)
    assert series.next == Firing() or series.next.due_at > now
    late = now > fires[0] + grace + 2 * MINUTE
    if late and not schedule.blackouts and not schedule.start_deadline_ms:
        _starts_as_the_policy_says(schedule, starts, handled)


def _starts_as_the_policy_says(schedule: Schedule, starts: int, handled: int) -> None:
    if schedule.misfire == "once" and schedule.dst_gap == "shift":
        assert starts == 1
    if schedule.misfire == "all":
        assert starts <= max(schedule.max_catch_up, 1)
    if schedule.every_ms:
        most = {"once": 1, "all": min(handled, schedule.max_catch_up), "skip": 1}
        least = {"once": 1, "all": min(handled, schedule.max_catch_up), "skip": 0}
        assert least[schedule.misfire] <= starts <= most[schedule.misfire]


def _one_fate_each(found: Plan, fires: list[Instant]) -> int:
    """How many it handles: each once, in ranges of neighbours, and all of them before what comes next."""
    seen: list[Instant] = []
    for fate in found.fates:
        inside = fires[bisect_left(fires, fate.first) : bisect_right(fires, fate.last)]
        assert len(inside) == fate.count
        assert (inside[0], inside[-1]) == (fate.first, fate.last)
        seen += inside
    seen += [one.fire_at for one in (found.start, *found.catch_up) if one is not None]
    until = found.next.fire_at or fires[-1] + 1
    assert sorted(seen) == [at for at in fires if at < until]
    return len(seen)


def _fire_times(schedule: Schedule, series: Series, now: Instant) -> list[Instant]:
    """All that there are up to now, and some more."""
    found, at = [], series.next.fire_at
    while at is not None and at <= now + DAY:
        found.append(at)
        at = next_fire(schedule, series.anchor, at)  # type: ignore[assignment]
    return found


@settings(max_examples=80)
@given(schedules, st.integers(0, 400 * 24), st.integers(1, 12 * 24))
def test_ranges_are_what_a_walk_finds(schedule: Schedule, hours: int, outage: int) -> None:
    anchor = 1_780_000_000_000 + hours * HOUR
    assume(problem(schedule, anchor) is None)
    series = Series(anchor, next_firing(schedule, TASK, anchor, anchor - 1))
    now = series.next.due_at + outage * HOUR
    found = plan(schedule, TASK, series, now, 0)
    assert found is not None
    for fate in found.fates:
        at: Instant | None = fate.first
        for left in reversed(range(fate.count)):
            assert at is not None
            own = fate_of(schedule, anchor, at)
            assert own == ("" if fate.word is FateWord.MISSED else fate.reason)
            assert (at == fate.last) == (left == 0)
            at = next_fire(schedule, anchor, at)
