"""Previews, words, warnings and figures (TM-19, TM-21, TM-79, EX-15, EX-20)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from coordinator.model.instants import DAY, HOUR, MINUTE, SECOND
from coordinator.model.schedules import Schedule
from coordinator.timetable import (
    Previewed,
    fires_per_minute,
    lint,
    parse_blackout,
    preview,
    reading,
    spread,
)
from tests.unit.timetable.kit import TASK, instant

BERLIN = "Europe/Berlin"
NIGHTLY = Schedule(cron="30 2 * * *", time_zone=BERLIN)
MONDAY = instant("2026-11-23T00:00")


def shown(schedule: Schedule, after: str, count: int) -> list[tuple[str, str, str, str]]:
    found = preview(schedule, TASK, instant(after), instant(after), count)
    return [(one.local, one.fate, one.reason, one.note) for one in found]


def test_x21_both_clock_changes() -> None:
    assert shown(NIGHTLY, "2026-10-24T12:00", 2) == [
        ("2026-10-25T02:30:00+02:00", "started", "", "clock_goes_back"),
        ("2026-10-26T02:30:00+01:00", "started", "", ""),
    ]
    assert shown(NIGHTLY, "2027-03-27T12:00", 2) == [
        ("2027-03-28T03:00:00+02:00", "skipped", "dst_gap", "clock_goes_forward"),
        ("2027-03-29T02:30:00+02:00", "started", "", ""),
    ]
    shifted = Schedule(cron="30 2 * * *", time_zone=BERLIN, dst_gap="shift")
    assert shown(shifted, "2027-03-27T12:00", 1) == [
        ("2027-03-28T03:00:00+02:00", "started", "", "clock_goes_forward")
    ]


def test_a_preview_says_what_blackouts_and_jitter_do() -> None:
    every = Schedule(
        every_ms=HOUR, jitter_ms=MINUTE, blackouts=(parse_blackout("Mon 01:00-Mon 02:30 shift"),)
    )
    found = preview(every, TASK, MONDAY, MONDAY - 1, 4)
    first, skipped, moved, last = found
    assert first == Previewed(MONDAY, "2026-11-23T00:00:00+00:00", "started", "", MINUTE, "")
    assert (skipped.at, skipped.fate, skipped.reason) == (MONDAY + HOUR, "skipped", "blackout")
    assert (skipped.jitter_ms, moved.jitter_ms, last.jitter_ms) == (0, 0, MINUTE)
    assert (moved.at, moved.fate) == (MONDAY + 2 * HOUR + 30 * MINUTE, "started")


def test_a_preview_ends_with_the_series_and_after_a_thousand() -> None:
    ends = Schedule(every_ms=HOUR, end=MONDAY + 3 * HOUR)
    assert len(preview(ends, TASK, MONDAY, MONDAY, 10)) == 2
    assert len(preview(Schedule(every_ms=SECOND), TASK, MONDAY, MONDAY, 5_000)) == 1_000


@pytest.mark.parametrize(
    "schedule,words",
    [
        (NIGHTLY, "At 02:30 every day"),
        (Schedule(cron="@daily"), "At 00:00 every day"),
        (Schedule(every_ms=5 * MINUTE), "Every 5m"),
        (Schedule(every_ms=90 * MINUTE, count_from="end"), "Every 1h30m from the end of the run"),
        (Schedule(rrule="FREQ=DAILY"), "Every day"),
        (Schedule(rrule="FREQ=SECONDLY;INTERVAL=30"), "Every 30 seconds"),
        (Schedule(rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;BYHOUR=9;BYMINUTE=30"), "Every 2 weeks on Monday and Friday at 09:30"),
        (Schedule(rrule="FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9,17"), "Every month on the last Friday at 09:00 and 17:00"),
        (Schedule(rrule="FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=3"), "Every month on day 1 and 15, 3 times"),
        (Schedule(rrule="FREQ=DAILY;BYMONTHDAY=13;COUNT=1"), "Every day on day 13 of the month, once"),
        (Schedule(rrule="FREQ=DAILY;BYMONTH=2,3;UNTIL=20301231T080000Z"), "Every day in February and March, until 2030-12-31 08:00 UTC"),
        (Schedule(rrule="FREQ=DAILY;UNTIL=20301231"), "Every day, until 2030-12-31"),
        # what would take more than a simple sentence stays as it is
        (Schedule(rrule="FREQ=YEARLY;BYWEEKNO=3"), "FREQ=YEARLY;BYWEEKNO=3"),
        (Schedule(rrule="FREQ=MONTHLY;BYDAY=12MO"), "FREQ=MONTHLY;BYDAY=12MO"),
        (Schedule(rrule="FREQ=HOURLY;BYMINUTE=3"), "FREQ=HOURLY;BYMINUTE=3"),
        (Schedule(rrule="FREQ=HOURLY;BYHOUR=3"), "FREQ=HOURLY;BYHOUR=3"),
        (Schedule(rrule="FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13"), "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13"),
        (Schedule(rrule="FREQ=DAILY;BYHOUR=1,2,3,4;BYMINUTE=0,30"), "FREQ=DAILY;BYHOUR=1,2,3,4;BYMINUTE=0,30"),
    ],
)  # fmt: skip
def test_reading(schedule: Schedule, words: str) -> None:
    assert reading(schedule) == words


def test_lint_warns_of_local_times_that_clock_changes_touch() -> None:
    at = instant("2026-10-01T00:00")
    twice, missing = lint(NIGHTLY, 0, at)
    assert twice.startswith("02:30 comes twice on 2026-10-25 in Europe/Berlin")
    assert missing.startswith("02:30 does not exist on 2027-03-28 in Europe/Berlin")
    assert "it is skipped" in missing
    shifted = Schedule(cron="30 2 * * *", time_zone=BERLIN, dst_gap="shift")
    assert lint(shifted, 0, at)[1].endswith("it fires at 03:00")
    rule = Schedule(rrule="FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYSECOND=5", time_zone=BERLIN)
    assert lint(rule, 0, at)[0].startswith("02:30:05 comes twice")


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(cron="0 4 * * *", time_zone=BERLIN),
        Schedule(cron="30 2 * * *"),
        Schedule(cron="30 2 1 7 *", time_zone=BERLIN),
        Schedule(cron="*/10 * * * *", time_zone=BERLIN),
        Schedule(every_ms=HOUR, time_zone=BERLIN),
    ],
)
def test_lint_has_nothing_to_say(schedule: Schedule) -> None:
    assert lint(schedule, MINUTE, instant("2026-10-01T00:00")) == ()


def test_lint_warns_of_runs_that_take_longer_than_the_interval() -> None:
    (warning,) = lint(Schedule(every_ms=5 * MINUTE), 7 * MINUTE, MONDAY)
    assert warning.startswith("a run usually takes 7m, fire times are as near as 5m")
    (warning,) = lint(Schedule(cron="0,2 * * * *"), 3 * MINUTE, MONDAY)
    assert "as near as 2m" in warning


@pytest.mark.parametrize(
    "schedule,per_minute",
    [
        (Schedule(every_ms=10 * SECOND), 6),
        (Schedule(every_ms=45 * SECOND), 60 / 45),
        (Schedule(every_ms=3 * DAY), 1 / 4_320),
        (Schedule(cron="*/5 * * * *"), 1 / 5),
        (Schedule(cron="0 9 * * 1-5"), 5 / 10_080),
        (Schedule(cron="0 9 1 1 *"), 1 / 527_040),
        (Schedule(rrule="FREQ=DAILY;BYHOUR=9"), 7 / 10_080),
        (Schedule(rrule="FREQ=MINUTELY;INTERVAL=30"), 1 / 30),
        (Schedule(rrule="FREQ=SECONDLY"), 60),
        (Schedule(rrule="FREQ=WEEKLY;BYDAY=MO,TU,WE;BYSETPOS=-1;BYHOUR=9"), 1 / 10_080),
        (Schedule(rrule="FREQ=SECONDLY;INTERVAL=2;BYMONTH=11,12"), 30),
        (Schedule(every_ms=MINUTE, blackouts=(parse_blackout("Mon 00:00-Thu 12:00"),)), 1 / 2),
        (Schedule(cron="* * * * *", blackouts=(parse_blackout("Mon 00:00-Thu 12:00"),)), 1 / 2),
        (Schedule(cron="* * * * *", blackouts=(parse_blackout("Mon 00:00-Thu 12:00 shift"),)), 5_041 / 10_080),
        (Schedule(every_ms=MINUTE, end=MONDAY + DAY), 1 / 7),
        (Schedule(every_ms=MINUTE, start=MONDAY + 30 * DAY, end=MONDAY + 31 * DAY), 1 / 366),
        (Schedule(cron="0 0 1 1 *", end=MONDAY + DAY), 0),
        (Schedule(every_ms=MINUTE, end=MONDAY - DAY), 0),
        (Schedule(cron="0 9 * * *", blackouts=(parse_blackout("cron '0 */2 * * *' for 1h"),)), 7 / 10_080),
        (Schedule(every_ms=MINUTE, blackouts=(parse_blackout("cron '* * * * *' for 30s"),)), 1 / 2),
    ],
)  # fmt: skip
def test_fires_per_minute(schedule: Schedule, per_minute: float) -> None:
    assert fires_per_minute(schedule, MONDAY) == pytest.approx(per_minute, rel=1e-3)


def test_tm_a61_the_sum_of_two_kinds_of_series() -> None:
    rates = [fires_per_minute(Schedule(every_ms=ms), MONDAY) for ms in (10 * SECOND, 20 * MINUTE)]
    assert 50 * sum(rates) == pytest.approx(302.5)


def test_tm_a12_spread() -> None:
    found = spread(50, HOUR, MONDAY, 5 * MINUTE)
    assert len(found) == len(set(found)) == 50
    assert (min(found), max(found)) == (MONDAY + 1, MONDAY + 5 * MINUTE)
    gaps = {later - earlier for earlier, later in pairwise(found)}
    assert max(gaps) - min(gaps) <= 1
    assert spread(1, HOUR, MONDAY, 5 * MINUTE) == [MONDAY]
    assert max(spread(2_000, SECOND, MONDAY, 5 * MINUTE)) == MONDAY + SECOND
    assert spread(0, HOUR, MONDAY, 5 * MINUTE) == []
