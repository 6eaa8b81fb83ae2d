"""Local time over clock changes (TM-14): real zones, and what is left out or comes twice."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise
from zoneinfo._common import load_data

import pytest

from coordinator.model.schedules import Firing, Schedule
from coordinator.timetable import first_firing, next_firing
from coordinator.timetable.zones import (
    comes_twice,
    gap_at,
    local_text,
    offset_at,
    wall_at,
    walled,
    zone_names,
)
from tests.unit.timetable.kit import TASK, fires, instant, utc

LONDON = "Europe/London"
SIX_DAYS_S = 6 * 86_400


def test_the_example_of_the_spec() -> None:
    fixed = Schedule(cron="30 1 * * *", time_zone=LONDON)
    assert fires(fixed, "2026-03-28T12:00", 2) == ["2026-03-29T01:00 dst_gap", "2026-03-30T00:30"]
    shifted = Schedule(cron="30 1 * * *", time_zone=LONDON, dst_gap="shift")
    assert fires(shifted, "2026-03-28T12:00", 2) == ["2026-03-29T01:00", "2026-03-30T00:30"]
    assert fires(fixed, "2026-10-24T12:00", 2) == ["2026-10-25T00:30", "2026-10-26T01:30"]


@pytest.mark.parametrize("day", ["2026-03-28T23:00", "2026-10-24T23:00"])
def test_elapsed_time_fires_every_half_hour_throughout(day: str) -> None:
    found = fires(Schedule(cron="*/30 * * * *", time_zone=LONDON), day, 12)
    at = [instant(one) for one in found]
    assert [later - earlier for earlier, later in pairwise(at)] == [1_800_000] * 11


def test_a_step_in_the_hour_field_goes_by_elapsed_time_too() -> None:
    stepped = Schedule(cron="0 */2 * * *", time_zone=LONDON)
    assert fires(stepped, "2026-03-28T23:00", 3) == [
        "2026-03-29T00:00",
        "2026-03-29T01:00",  # 02:00 by local time, right after the gap
        "2026-03-29T03:00",
    ]


def test_a_match_at_the_very_change_is_found() -> None:
    hourly = Schedule(cron="0 * * * *", time_zone="Europe/Berlin")
    assert fires(hourly, "2026-03-29T00:30", 2) == ["2026-03-29T01:00", "2026-03-29T02:00"]
    assert fires(hourly, "2026-10-24T23:30", 3) == [
        "2026-10-25T00:00",
        "2026-10-25T01:00",
        "2026-10-25T02:00",
    ]


def test_a_change_that_nothing_matches_is_passed_over() -> None:
    hourly = Schedule(cron="30 * * * *", time_zone=LONDON)
    assert fires(hourly, "2026-03-29T00:30", 2) == ["2026-03-29T01:30", "2026-03-29T02:30"]
    at_the_end_of_the_gap = Schedule(cron="0 2 * * *", time_zone=LONDON)
    assert fires(at_the_end_of_the_gap, "2026-03-28T12:00", 1) == ["2026-03-29T01:00"]


def test_the_second_passage_of_an_hour_has_no_fire_times_of_local_time() -> None:
    every_minute = Schedule(cron="* 1 * * *", time_zone=LONDON)
    second = "2026-10-25T01:15"  # 01:15 local, for the second time
    assert fires(every_minute, second, 1) == ["2026-10-26T01:00"]


def test_local_times_of_one_gap_and_a_real_one_at_its_end_are_one_fire_time() -> None:
    both = Schedule(cron="0,30 1,2 * * *", time_zone=LONDON)
    assert fires(both, "2026-03-28T12:00", 3) == [
        "2026-03-29T01:00",  # 02:00 is real, 01:00 and 01:30 are not
        "2026-03-29T01:30",
        "2026-03-30T00:00",
    ]
    gap_alone = Schedule(cron="0,30 1 * * *", time_zone=LONDON)
    assert fires(gap_alone, "2026-03-28T12:00", 2) == [
        "2026-03-29T01:00 dst_gap",
        "2026-03-30T00:00",
    ]


def test_an_rrule_goes_by_local_time() -> None:
    rule = Schedule(rrule="FREQ=DAILY;BYHOUR=1;BYMINUTE=30", time_zone=LONDON)
    assert fires(rule, "2026-03-28T12:00", 2) == ["2026-03-29T01:00 dst_gap", "2026-03-30T00:30"]
    assert fires(rule, "2026-10-24T12:00", 2) == ["2026-10-25T00:30", "2026-10-26T01:30"]


def test_a_rule_that_begins_in_an_hour_that_comes_twice_begins_at_once() -> None:
    now = instant("2026-10-25T01:15")  # 01:15 local, for the second time
    daily = Schedule(rrule="FREQ=DAILY", time_zone=LONDON)
    anchor, first = first_firing(daily, TASK, now)
    assert first == Firing(now, now)
    assert utc(next_firing(daily, TASK, anchor, now).fire_at) == "2026-10-26T01:15"


@pytest.mark.parametrize(
    "zone,expression,after,expected",
    [
        # a whole day that never was
        (
            "Pacific/Apia",
            "0 12 30 12 *",
            "2011-12-01",
            ["2011-12-30T10:00 dst_gap", "2012-12-29T22:00"],
        ),
        # half an hour of daylight saving time
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03", ["2026-10-03T15:30 dst_gap"]),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04",
            ["2026-04-04T14:45", "2026-04-05T15:15"],
        ),
        # two hours of it
        ("Antarctica/Troll", "30 1 * * *", "2026-03-28T12:00", ["2026-03-29T01:00 dst_gap"]),
        # set forward at midnight
        ("America/Asuncion", "30 0 * * *", "2023-09-30T12:00", ["2023-10-01T04:00 dst_gap"]),
        ("Asia/Kathmandu", "0 0 1 1 *", "2026-06-01", ["2026-12-31T18:15"]),
    ],
)
def test_unusual_zones(zone: str, expression: str, after: str, expected: list[str]) -> None:
    assert fires(Schedule(cron=expression, time_zone=zone), after, len(expected)) == expected


def test_walls_and_instants() -> None:
    berlin = "Europe/Berlin"
    before, after = instant("2026-03-29T00:59:59.999"), instant("2026-03-29T01:00")
    gap = gap_at(berlin, after)
    assert gap is not None
    assert gap_at(berlin, before) is None
    assert gap_at(berlin, instant("2026-10-25T01:00")) is None
    assert (gap.end - gap.begin, gap.at) == (3_600, after)
    assert (offset_at(berlin, before), offset_at(berlin, after)) == (3_600_000, 7_200_000)
    assert (
        walled(berlin, gap.begin) == walled(berlin, gap.end - 1) == walled(berlin, gap.end) == after
    )
    first = instant("2026-10-25T00:30")
    assert comes_twice(berlin, wall_at(berlin, first))
    assert walled(berlin, wall_at(berlin, first)) == first
    assert walled(berlin, wall_at(berlin, first + 3_600_000)) == first
    assert local_text(berlin, first) == "2026-10-25T02:30:00+02:00"
    assert local_text(berlin, first + 7) == "2026-10-25T02:30:00.007+02:00"


@pytest.mark.parametrize("name", ["../../etc/passwd", "Europe/Nowhere", "", "europe/berlin"])
def test_only_names_of_zones_are_looked_up(name: str) -> None:
    with pytest.raises(ValueError, match="is no IANA time zone"):
        offset_at(name, 0)


def test_no_two_changes_of_a_clock_are_less_than_six_days_apart() -> None:
    """Since 1970: what the search for changes relies on, from one end of a day to the other."""
    for name in sorted(zone_names()):
        with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
            indexes, at, offsets, *_ = load_data(data)
        changes = [
            when
            for before, (index, when) in pairwise([(0, 0), *zip(indexes, at, strict=True)])
            if when >= 0 and offsets[before[0]] != offsets[index]
        ]
        gaps = [later - earlier for earlier, later in pairwise(changes)]
        assert min(gaps, default=SIX_DAYS_S) >= SIX_DAYS_S, name
