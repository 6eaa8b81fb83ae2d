"""Bad timetables, refused at the door with field, value and bounds (TM-18)."""

from __future__ import annotations

import pytest

from coordinator.model.instants import DAY, HOUR, MINUTE, Instant
from coordinator.model.schedules import Blackout, Schedule
from coordinator.timetable import Problem, parse_blackout, problem, shortest_gap
from tests.unit.timetable.kit import instant

NOW: Instant = instant("2026-11-22T10:00")
ALWAYS = parse_blackout("Mon 00:00-Mon 00:00")


def test_tm_a8_bad_rule() -> None:
    found = problem(Schedule(rrule="FREQ=DAILY;BYHOUR=30"), NOW)
    assert found == Problem("rrule", "BYHOUR '30' must be 0 .. 23")


@pytest.mark.parametrize(
    "schedule,field,said",
    [
        (Schedule(), "every", "exactly one of every, cron and rrule"),
        (Schedule(every_ms=1_000, cron="@daily"), "cron", "every and cron exclude each other"),
        (Schedule(cron="@daily", rrule="FREQ=DAILY"), "rrule", "cron and rrule exclude each other"),
        (Schedule(every_ms=999), "every", "999ms must be 1s .. 366d"),
        (Schedule(every_ms=366 * DAY + 1), "every", "366d1ms must be 1s .. 366d"),
        (Schedule(every_ms=-5), "every", "-5ms must be 1s .. 366d"),
        (Schedule(cron="0 30 * * *"), "cron", "hour field '30'"),
        (Schedule(cron="0 0 30 2 *"), "cron", "never fires"),
        (Schedule(rrule="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "rrule", "never fires"),
        (Schedule(cron="@daily", time_zone="Europe/Berln"), "time_zone", "'Europe/Berln' is no IANA time zone; did you mean Europe/Berlin?"),
        (Schedule(cron="@daily", time_zone="x"), "time_zone", "'x' is no IANA time zone"),
        (Schedule(every_ms=HOUR, start=NOW + DAY, end=NOW + DAY), "end", "must be after start"),
        (Schedule(every_ms=HOUR, end=NOW), "end", "lies in the past"),
        (Schedule(every_ms=HOUR, start=-1), "start", "before the year 3000"),
        (Schedule(every_ms=HOUR, end=10**15), "end", "before the year 3000"),
        (Schedule(cron="@yearly", end=NOW + DAY), "cron", "never fires between start and end"),
        (Schedule(rrule="FREQ=DAILY;UNTIL=20261101"), "rrule", "never fires"),
        (Schedule(every_ms=HOUR, jitter_ms=31 * MINUTE), "jitter", "31m must be at most 30m, half the shortest gap"),
        (Schedule(cron="0,20 * * * *", jitter_ms=11 * MINUTE), "jitter", "11m must be at most 10m"),
        (Schedule(cron="0 0 1 1 *", jitter_ms=367 * DAY), "jitter", "367d must be 0s .. 366d"),
        (Schedule(every_ms=HOUR, misfire_grace_ms=DAY + 1), "misfire_grace", "1d1ms must be 0s .. 1d"),
        (Schedule(every_ms=HOUR, start_deadline_ms=-1), "start_deadline", "-1ms must be 0s .. 366d"),
        (Schedule(every_ms=HOUR, max_catch_up=0), "max_catch_up", "0 must be 1 .. 1000"),
        (Schedule(every_ms=HOUR, max_catch_up=1_001), "max_catch_up", "1001 must be 1 .. 1000"),
        (Schedule(every_ms=HOUR, pause_after_failures=-1), "pause_after_failures", "-1 must be 0"),
        (Schedule(every_ms=HOUR, misfire="twice"), "misfire", "'twice' must be one of once, all, skip"),
        (Schedule(every_ms=HOUR, overlap="x"), "overlap", "must be one of skip, queue_one, replace"),
        (Schedule(every_ms=HOUR, dst_gap="x"), "dst_gap", "must be one of skip, shift"),
        (Schedule(every_ms=HOUR, count_from="x"), "from", "must be one of due, start, end"),
        (Schedule(cron="@daily", count_from="end"), "from", "'end' is for every alone"),
        (Schedule(every_ms=HOUR, blackouts=(Blackout(0, 1),) * 33), "blackouts", "33 are given, at most 32"),
        (Schedule(every_ms=HOUR, blackouts=(ALWAYS,)), "blackouts", "leave no fire time over"),
        (Schedule(every_ms=HOUR, blackouts=(parse_blackout("Mon 00:00-Mon 00:00 shift"),)), "blackouts", "leave no fire time over"),
        (Schedule(cron="0 12 * * 1", blackouts=(parse_blackout("Mon 09:00-Mon 17:00"),)), "blackouts", "leave no"),
        (Schedule(cron="0 12 * * 1", end=NOW + 9 * DAY, blackouts=(parse_blackout("Mon 09:00-Mon 17:00"),)), "blackouts", "leave no"),
        (Schedule(every_ms=HOUR, blackouts=(Blackout(0, 1), Blackout(0, 1, time_zone="x"))), "blackouts[1].time_zone", "'x' is no"),
        (Schedule(every_ms=HOUR, blackouts=(Blackout(0, 10_080),)), "blackouts[0].span", "0 .. 10079"),
        (Schedule(every_ms=HOUR, blackouts=(Blackout(0, 1, then="x"),)), "blackouts[0].then", "skip, shift"),
        (Schedule(every_ms=HOUR, blackouts=(Blackout(0, 1, duration_ms=5),)), "blackouts[0].duration", "goes with cron"),
        (Schedule(every_ms=HOUR, blackouts=(Blackout(cron="@daily"),)), "blackouts[0].duration", "0s must be 1s .. 31d"),
        (Schedule(every_ms=HOUR, blackouts=(Blackout(cron="x", duration_ms=HOUR),)), "blackouts[0].cron", "has 1 fields"),
    ],
)  # fmt: skip
def test_refused(schedule: Schedule, field: str, said: str) -> None:
    found = problem(schedule, NOW)
    assert found is not None
    assert found.field == field
    assert said in found.text


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(every_ms=1_000),
        Schedule(every_ms=366 * DAY),
        Schedule(every_ms=HOUR, jitter_ms=30 * MINUTE, misfire_grace_ms=0),
        Schedule(every_ms=HOUR, start=NOW - DAY, end=NOW + DAY, count_from="end"),
        Schedule(cron="0 0 29 2 *", time_zone="America/St_Johns"),
        Schedule(cron="0 0 1 1 *", jitter_ms=180 * DAY),
        Schedule(rrule="FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=9", overlap="replace"),
        Schedule(rrule="FREQ=DAILY;COUNT=1", misfire="all", max_catch_up=1_000, jitter_ms=DAY),
        Schedule(every_ms=1_000, blackouts=(parse_blackout("Mon 00:00-Sun 23:59"),) * 32),
        Schedule(every_ms=HOUR, blackouts=(parse_blackout("cron '0 9 * * 1' for 8h shift"),)),
    ],
)
def test_taken(schedule: Schedule) -> None:
    assert problem(schedule, NOW) is None


def test_the_shortest_gap() -> None:
    assert shortest_gap(Schedule(every_ms=HOUR), NOW) == HOUR
    assert shortest_gap(Schedule(cron="*/7 * * * *"), NOW) == 4 * MINUTE
    assert shortest_gap(Schedule(cron="0 9 * * 1-5"), NOW) == DAY
    assert shortest_gap(Schedule(rrule="FREQ=DAILY;COUNT=1"), NOW) == 366 * DAY
    assert shortest_gap(Schedule(cron="0 0 1 1 *"), NOW) == 365 * DAY
