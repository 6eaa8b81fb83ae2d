"""Cron expressions: what is taken, what is refused and how that is said."""

from __future__ import annotations

import pytest

from coordinator.model.schedules import Schedule
from coordinator.timetable.cron import CRON_CHARS_MAX, cron_of
from tests.unit.timetable.kit import fires


@pytest.mark.parametrize(
    "expression,expected",
    [
        ("@hourly", ["2026-11-22T11:00", "2026-11-22T12:00"]),
        ("@Daily", ["2026-11-23T00:00", "2026-11-24T00:00"]),
        ("@weekly", ["2026-11-29T00:00", "2026-12-06T00:00"]),
        ("@monthly", ["2026-12-01T00:00", "2027-01-01T00:00"]),
        ("@yearly", ["2027-01-01T00:00", "2028-01-01T00:00"]),
        ("*/20 9-10 * * mon-FRI", ["2026-11-23T09:00", "2026-11-23T09:20", "2026-11-23T09:40"]),
        ("0 0 * jan SUN", ["2027-01-03T00:00", "2027-01-10T00:00"]),
        ("0 0 * * FRI-SUN", ["2026-11-27T00:00", "2026-11-28T00:00", "2026-11-29T00:00"]),
        ("0 0 * * 5-0", ["2026-11-27T00:00", "2026-11-28T00:00", "2026-11-29T00:00"]),
        ("0 0 * * 7", ["2026-11-29T00:00", "2026-12-06T00:00"]),
        ("30 0 12 * * *", ["2026-11-22T12:00:30", "2026-11-23T12:00:30"]),
        ("*/30 * * * * *", ["2026-11-22T10:00:30", "2026-11-22T10:01"]),
        ("0 0 L * *", ["2026-11-30T00:00", "2026-12-31T00:00"]),
        ("0 0 * * 1#1", ["2026-12-07T00:00", "2027-01-04T00:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        # both day fields restricted: either matches
        ("0 0 30 * WED", ["2026-11-25T00:00", "2026-11-30T00:00", "2026-12-02T00:00"]),
        ("0 0 31 4 MON", ["2027-04-05T00:00", "2027-04-12T00:00"]),
    ],
)
def test_expressions(expression: str, expected: list[str]) -> None:
    found = fires(Schedule(cron=expression), "2026-11-22T10:00", len(expected))
    assert found == expected


@pytest.mark.parametrize(
    "expression,said",
    [
        ("0 30 * * *", "hour field '30': allowed are 0 .. 23"),
        ("60 * * * *", "minute field '60'"),
        ("61 * * * * *", "second field '61'"),
        ("0 0 0 * *", "day of month field '0'"),
        ("0 0 * 13 *", "month field '13'"),
        ("0 0 * * 8", "day of week field '8'"),
        ("0 0 * FOO *", "month field 'FOO'"),
        ("*/0 * * * *", "minute field '*/0'"),
        ("5-1 * * * *", "minute field '5-1'"),
        ("1,,2 * * * *", "minute field '1,,2'"),
        ("0 0 1/L * *", "day of month field '1/L'"),
        ("٣ * * * *", "minute field '٣'"),
        ("* * * *", "has 4 fields: write five"),
        ("* * * * * * *", "has 7 fields"),
        ("", "has 0 fields"),
        ("@reboot", "is none of @yearly"),
        ("0 0 30 2 *", "never fires: no such month has that day"),
        ("0 0 31 4,6 *", "never fires"),
        ("*" * (CRON_CHARS_MAX + 1), f"at most {CRON_CHARS_MAX}"),
    ],
)
def test_refused_with_field_value_and_bounds(expression: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        cron_of(expression)
    assert said in str(refused.value)


def test_the_end_of_time_is_an_end_and_no_error() -> None:
    assert fires(Schedule(cron="@yearly"), "2998-06-01T00:00", 9) == ["2999-01-01T00:00"]
    assert fires(Schedule(cron="@yearly"), "9998-06-01T00:00", 9) == []


@pytest.mark.parametrize("expression", ["*/7 3-9/2 1,15 */3 MON", "0 9 * * *", "15 */2 * * * *"])
def test_counting_is_walking(expression: str) -> None:
    cron, begin = cron_of(expression), 1_800_000_017
    at = begin - 1
    for count in range(200):
        following = cron.next_wall(at)
        assert following is not None
        assert cron.count_between(begin, following) == count
        assert cron.matches(following)
        assert not cron.matches(following + 7)
        at = following
