"""Recurrence rules: beside the library that walks them all, and what is refused."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import pytest
from dateutil.rrule import rrulestr

from coordinator.model.schedules import Firing, Schedule
from coordinator.timetable import first_firing, next_firing
from coordinator.timetable.rule_text import RRULE_CHARS_MAX
from coordinator.timetable.rules import rule_of
from coordinator.timetable.zones import datetime_of, wall_of
from tests.unit.timetable.kit import TASK, fires, instant, utc

START = wall_of(datetime_of(0).replace(2026, 2, 3, 4, 5, 6))


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY",
        "RRULE:FREQ=DAILY;BYHOUR=15;BYMINUTE=27",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;WKST=SU",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTHDAY=-2,5",
        "FREQ=MONTHLY;INTERVAL=18;BYMONTHDAY=10,11,12",
        "FREQ=YEARLY",
        "FREQ=MONTHLY",
        "FREQ=WEEKLY",
        "FREQ=YEARLY;BYWEEKNO=1,53,-1;BYDAY=MO,SU",
        "FREQ=YEARLY;BYWEEKNO=1,20;BYDAY=MO,SU;WKST=SU",
        "FREQ=YEARLY;BYYEARDAY=1,-1,100",
        "FREQ=YEARLY;BYDAY=20MO,-1TU",
        "FREQ=YEARLY;BYMONTH=1,6;BYDAY=1MO",
        "FREQ=HOURLY;INTERVAL=5;BYMINUTE=0,30;BYSETPOS=-1",
        "FREQ=HOURLY;INTERVAL=7;BYDAY=MO",
        "FREQ=HOURLY;BYMINUTE=10,50;BYMONTH=3",
        "FREQ=MINUTELY;INTERVAL=90;BYHOUR=9,10,11",
        "FREQ=MINUTELY;BYSECOND=0,30;BYMONTHDAY=13;BYDAY=FR",
        "FREQ=SECONDLY;INTERVAL=3700;BYMINUTE=0,1,2,3",
        "FREQ=SECONDLY;BYHOUR=3;BYSECOND=5,10",
        "FREQ=SECONDLY;INTERVAL=7;BYSECOND=0,1,2,3",
        "FREQ=DAILY;INTERVAL=10;BYMONTH=1,2;BYHOUR=1,2;BYSETPOS=2",
        "FREQ=WEEKLY;BYDAY=TU;BYHOUR=9,10;BYSETPOS=1,-1",
        "FREQ=DAILY;COUNT=7",
        "FREQ=MONTHLY;COUNT=5;BYMONTHDAY=-1",
        "FREQ=HOURLY;UNTIL=20260203T070000",
    ],
)
def test_as_the_library_walks(text: str) -> None:
    rule = rule_of(text, "UTC", START, True)
    found: list[datetime] = []
    at = rule.next_wall(START - 1)
    while at is not None and len(found) < 100:
        found.append(datetime_of(at))
        at = rule.next_wall(at)
    expected = list(islice(rrulestr(text, dtstart=datetime_of(START)), 100))
    assert found == expected
    later = wall_of(expected[-1])
    counted = rule.count_between(START, later)
    assert counted is None or counted == len(expected) - 1


@pytest.mark.parametrize(
    "text,said",
    [
        ("FREQ=DAILY;BYHOUR=30", "BYHOUR '30' must be 0 .. 23"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY '0' must be 1 .. 31 or -31 .. -1"),
        ("FREQ=DAILY;BYMONTH=-1", "BYMONTH '-1' must be 1 .. 12"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL '0' must be 1 .. "),
        ("FREQ=DAILY;COUNT=10001", "COUNT '10001' must be 1 .. 10000"),
        ("FREQ=DAILY;UNTIL=20261301", "UNTIL '20261301' must be such as"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL 'SOON'"),
        ("FREQ=DAILY;UNTIL=99990101", "before the year 3000"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
        ("FREQ=FORTNIGHTLY", "FREQ 'FORTNIGHTLY' is none of YEARLY"),
        ("INTERVAL=2", "has no FREQ"),
        ("", "is no part of a rule"),
        ("DTSTART=20260101;FREQ=DAILY", "'DTSTART=20260101' is no part of a rule"),
        ("FREQ=DAILY;WKST=XX", "WKST 'XX' is none of MO"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY 'XX' must be MO"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY '0MO' must be"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY with a number (1MO) is for MONTHLY"),
        ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=1MO", "BYDAY with a number"),
        ("FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO is for YEARLY, not MONTHLY"),
        ("FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY is not for MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY is not for WEEKLY"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS needs another BY part"),
        ("FREQ=DAILY;" * 200, f"at most {RRULE_CHARS_MAX}"),
    ],
)
def test_refused_with_part_value_and_bounds(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        rule_of(text, "UTC", START, False)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=3",
        "FREQ=SECONDLY;INTERVAL=60;BYSECOND=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=9999;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=1000",
        "FREQ=DAILY;INTERVAL=31000000",
        "FREQ=WEEKLY;INTERVAL=31000000",
    ],
)
def test_what_never_comes_is_found_out(text: str) -> None:
    rule = rule_of(text, "UTC", START // 60 * 60, False)
    assert rule.next_wall(START + 1) is None


def test_tm_a7_a_clock_time_waits_and_frequency_alone_runs_now() -> None:
    now = instant("2026-11-22T10:00:33.456")
    daily = Schedule(rrule="FREQ=DAILY;BYHOUR=15;BYMINUTE=27")
    anchor, first = first_firing(daily, TASK, now)
    assert utc(first.fire_at) == "2026-11-22T15:27"
    assert utc(next_firing(daily, TASK, anchor, first.fire_at).fire_at) == "2026-11-23T15:27"
    only = Schedule(rrule="FREQ=DAILY")
    anchor, first = first_firing(only, TASK, now)
    assert first.due_at <= now < first.due_at + 1_000
    assert utc(next_firing(only, TASK, anchor, first.fire_at).fire_at) == "2026-11-23T10:00:33"


def test_parts_finer_than_the_clock_time_given_are_zero_unless_there_is_a_start() -> None:
    now = "2026-11-22T10:11:33"
    assert fires(Schedule(rrule="FREQ=DAILY;BYHOUR=9"), now, 1) == ["2026-11-23T09:00"]
    assert fires(Schedule(rrule="FREQ=DAILY;BYMINUTE=9"), now, 1) == ["2026-11-23T10:09"]
    exact = Schedule(rrule="FREQ=DAILY;BYHOUR=9", start=instant(now))
    assert fires(exact, now, 1, anchor=now) == ["2026-11-23T09:11:33"]


def test_until_by_utc_by_local_time_and_as_a_whole_day() -> None:
    berlin, now = "Europe/Berlin", "2026-11-22T10:00"
    for until, last in (
        ("20261124T080000Z", "2026-11-24T08:00"),
        ("20261124T085959", "2026-11-23T08:00"),
        ("20261124", "2026-11-24T08:00"),
    ):
        rule = Schedule(rrule=f"FREQ=DAILY;BYHOUR=9;UNTIL={until}", time_zone=berlin)
        assert fires(rule, now, 9)[-1] == last


def test_a_week_number_alone_keeps_the_weekday_of_the_start() -> None:
    start = instant("2026-02-03T09:00")  # a Tuesday
    rule = Schedule(rrule="FREQ=YEARLY;BYWEEKNO=20", start=start)
    assert fires(rule, "2026-02-03T09:00", 2) == ["2026-05-12T09:00", "2027-05-18T09:00"]


def test_count_ends_a_series() -> None:
    rule = Schedule(rrule="FREQ=DAILY;COUNT=3")
    assert len(fires(rule, "2026-11-22T09:59:59", 9, anchor="2026-11-22T10:00")) == 3
    never = Schedule(rrule="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3")
    assert next_firing(never, TASK, instant("2026-11-22T10:00"), 0) == Firing()


def test_the_year_3000_ends_every_rule() -> None:
    for freq, last in (
        ("YEARLY", "2999-12-30T23:59:59"),
        ("MONTHLY", "2999-12-30T23:59:59"),
        ("WEEKLY", "2999-12-29T23:59:59"),
        ("DAILY", "2999-12-31T23:59:59"),
        ("HOURLY", "2999-12-31T23:59:59"),
    ):
        anchor = "2998-12-30T23:59:59"
        rule = Schedule(rrule=f"FREQ={freq}", start=instant(anchor))
        assert fires(rule, "2999-12-25T00:00", 200, anchor=anchor)[-1] == last
