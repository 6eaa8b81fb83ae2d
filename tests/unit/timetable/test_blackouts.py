"""Black-outs: windows, what they skip and move, and how they are written (TM-15)."""

from __future__ import annotations

import pytest

from coordinator.model.instants import HOUR, MINUTE
from coordinator.model.schedules import Blackout, Schedule
from coordinator.timetable import after_blackouts, blackout_text, next_firing, parse_blackout
from coordinator.timetable.windows import moved_to, next_begin, windows_at
from tests.unit.timetable.kit import TASK, fires, instant, utc

MONDAY = "Mon 09:00-Mon 17:00"  # 2026-11-23 is one


def hourly(*blackouts: str) -> Schedule:
    return Schedule(cron="30 * * * *", blackouts=tuple(map(parse_blackout, blackouts)))


def test_a_fire_time_inside_is_skipped() -> None:
    found = fires(hourly(MONDAY), "2026-11-23T07:45", 10)
    assert found[0] == "2026-11-23T08:30"
    assert found[1:9] == [f"2026-11-23T{hour:02}:30 blackout" for hour in range(9, 17)]
    assert found[9] == "2026-11-23T17:30"


def test_of_several_the_last_moves_to_the_end() -> None:
    schedule = hourly(f"{MONDAY} shift")
    found = fires(schedule, "2026-11-23T07:45", 10)
    assert found[1:8] == [f"2026-11-23T{hour:02}:30 blackout" for hour in range(9, 16)]
    assert found[8:] == ["2026-11-23T16:30", "2026-11-23T17:30"]
    firing = next_firing(schedule, TASK, 0, instant("2026-11-23T16:00"))
    assert (utc(firing.fire_at), utc(firing.due_at)) == ("2026-11-23T16:30", "2026-11-23T17:00")


def test_a_fire_time_at_the_very_end_stands_for_those_before() -> None:
    on_the_hour = Schedule(cron="0 * * * *", blackouts=(parse_blackout(f"{MONDAY} shift"),))
    assert fires(on_the_hour, "2026-11-23T15:30", 2) == [
        "2026-11-23T16:00 blackout",
        "2026-11-23T17:00",
    ]


def test_what_is_moved_has_no_jitter() -> None:
    schedule = Schedule(
        every_ms=HOUR, jitter_ms=30 * MINUTE, blackouts=(parse_blackout(f"{MONDAY} shift"),)
    )
    firing = next_firing(schedule, TASK, instant("2026-11-23T08:30"), instant("2026-11-23T16:00"))
    assert utc(firing.due_at) == "2026-11-23T17:00"


def test_from_one_window_into_the_next() -> None:
    moving = hourly(f"{MONDAY} shift", "Mon 16:45-Mon 19:10 shift")
    firing = next_firing(moving, TASK, 0, instant("2026-11-23T17:40"))
    assert utc(firing.due_at) == "2026-11-23T19:10"
    assert fires(moving, "2026-11-23T16:00", 3) == [
        "2026-11-23T16:30 blackout",
        "2026-11-23T17:30 blackout",
        "2026-11-23T18:30",
    ]
    skipping = hourly(f"{MONDAY} shift", "Mon 16:45-Mon 19:10 skip")
    assert fires(skipping, "2026-11-23T16:00", 1) == ["2026-11-23T16:30 blackout"]


def test_a_span_over_the_end_of_the_week() -> None:
    found = fires(hourly("Sun 22:00-Mon 02:00"), "2026-11-22T21:00", 6)
    assert [one.endswith("blackout") for one in found] == [False, True, True, True, True, False]


def test_a_span_has_a_zone_of_its_own() -> None:
    in_berlin = parse_blackout(f"{MONDAY} Europe/Berlin")
    assert windows_at((in_berlin,), instant("2026-11-23T08:00"))
    assert not windows_at((in_berlin,), instant("2026-11-23T16:00"))
    assert utc(next_begin((in_berlin,), instant("2026-07-01T00:00")) or 0) == "2026-07-06T07:00"


@pytest.mark.parametrize(
    "text,begin,end",
    [
        # the clock goes back at 03:00: until the first 02:30, and the hour from the first 02:30 on
        ("Sun 01:00-Sun 02:30 Europe/Berlin", "2026-10-24T23:00", "2026-10-25T00:30"),
        ("Sun 02:30-Sun 03:30 Europe/Berlin", "2026-10-25T00:30", "2026-10-25T02:30"),
        # and forward at 02:00: what begins or ends in the gap does so behind it
        ("Sun 02:30-Sun 04:00 Europe/Berlin", "2026-03-29T01:00", "2026-03-29T02:00"),
        ("Sun 01:00-Sun 02:30 Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:00"),
    ],
)
def test_windows_over_clock_changes(text: str, begin: str, end: str) -> None:
    blackout = (parse_blackout(text),)
    opens, closes = instant(begin), instant(end)
    assert next_begin(blackout, opens - 1) == opens
    assert not windows_at(blackout, opens - 1)
    for at in (opens, closes - 1):
        (window,) = windows_at(blackout, at)
        assert (window.begin, window.end) == (opens, closes)
    assert not windows_at(blackout, closes)


def test_the_whole_week_has_no_end() -> None:
    for then in ("skip", "shift"):
        always = (parse_blackout(f"Mon 00:00-Mon 00:00 {then}"),)
        assert moved_to(always, instant("2026-11-23T00:00")) is None
        assert moved_to(always, instant("2026-11-22T23:59:59")) is None


def test_cron_and_a_duration() -> None:
    blackout = (parse_blackout("cron '0 9 * * 1' for 8h shift"),)
    opens, closes = instant("2026-11-23T09:00"), instant("2026-11-23T17:00")
    assert next_begin(blackout, opens - 1) == opens
    assert next_begin(blackout, opens) == instant("2026-11-30T09:00")
    assert moved_to(blackout, opens - 1) == opens - 1
    assert moved_to(blackout, opens) == moved_to(blackout, closes - 1) == closes
    assert moved_to(blackout, closes) == closes
    no_more = (Blackout(cron="0 9 29 2 MON#5", duration_ms=HOUR),)
    assert windows_at(no_more, instant("2998-12-31T00:00")) == ()


def test_a_retry_inside_moves_to_the_end_whatever_happens_to_fire_times() -> None:
    for then in ("skip", "shift"):
        closed = (parse_blackout(f"{MONDAY} {then}"), parse_blackout("Mon 16:45-Mon 19:10"))
        at = instant("2026-11-23T10:00")
        assert utc(after_blackouts(closed, at)) == "2026-11-23T19:10"
        assert after_blackouts(closed, at - 2 * HOUR) == at - 2 * HOUR
    assert after_blackouts((), 7) == 7
    for_ever = (parse_blackout("Mon 00:00-Mon 00:00"),)
    assert after_blackouts(for_ever, instant("2026-11-23T10:00")) > instant("2030-01-01")


@pytest.mark.parametrize(
    "text,blackout",
    [
        (MONDAY, Blackout(540, 1_020)),
        (
            "Sat 22:00-Sun 06:00 Europe/Berlin shift",
            Blackout(8_520, 9_000, time_zone="Europe/Berlin", then="shift"),
        ),
        ("cron '0 9 * * 1' for 8h", Blackout(cron="0 9 * * 1", duration_ms=8 * HOUR)),
        (
            "cron '@daily' for 1h30m Asia/Tokyo shift",
            Blackout(cron="@daily", duration_ms=90 * MINUTE, time_zone="Asia/Tokyo", then="shift"),
        ),
    ],
)
def test_texts_there_and_back(text: str, blackout: Blackout) -> None:
    assert parse_blackout(text) == blackout
    assert blackout_text(blackout) == text


def test_texts_are_read_as_people_write_them() -> None:
    assert parse_blackout(" mon 09:00 - Mon 17:00  UTC skip ") == Blackout(540, 1_020)
    assert parse_blackout('CRON "0 9 * * 1"  for 8h') == parse_blackout("cron '0 9 * * 1' for 8h")


@pytest.mark.parametrize(
    "text",
    ["", "Mon 09:00", "Mon 25:00-Mon 26:00", "Mon 09:00-Mon 17:00 skip UTC", "Mon 09:00-Mon 17:00 a b",
     "cron 0 9 * * 1 for 8h", "cron '0 9 * * 1'", "cron '0 9 * * 1' for 8", "Mon 09:00-Mon 17:00,Tue 09:00-Tue 10:00",
     "Mon 09:00-Mon 17:00 " + "x" * 600],
)  # fmt: skip
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as|no moment|duration"):
        parse_blackout(text)
