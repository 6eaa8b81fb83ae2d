"""The slow walk finds what the rules say of clock changes (TM-14)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coordinator.model.schedules import Schedule
from tests.simulation.checkers.fire_times import fire_times


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000


def told(schedule: Schedule, first: str, last: str) -> list[tuple[str, str]]:
    found = fire_times(schedule, 0, at(first) - 1, at(last))
    return [(f"{datetime.fromtimestamp(one.at / 1_000, UTC):%d %H:%M}", one.fate) for one in found]


def test_an_hour_that_comes_twice_fires_the_first_time_only() -> None:
    daily = Schedule(cron="30 1 * * *", time_zone="Europe/London")
    assert told(daily, "2026-10-25", "2026-10-26") == [("25 00:30", "")]


@pytest.mark.parametrize("dst_gap, fate", [("skip", "dst_gap"), ("shift", "")])
def test_an_hour_that_is_missing_is_skipped_or_moves_to_its_end(dst_gap: str, fate: str) -> None:
    daily = Schedule(cron="30 1 * * *", time_zone="Europe/London", dst_gap=dst_gap)
    assert told(daily, "2026-03-29", "2026-03-30") == [("29 01:00", fate)]


def test_an_open_hour_goes_by_elapsed_time() -> None:
    often = Schedule(cron="*/30 * * * *", time_zone="Europe/London")
    for day in ("2026-03-29", "2026-10-25"):
        found = told(often, f"{day}T00:00", f"{day}T02:30")
        assert [time for time, _ in found] == [
            f"{day[-2:]} {hour:02}:{minute:02}" for hour in range(3) for minute in (0, 30)
        ]
