"""A dry run of an edit shows the fire times that the edit comes to (TM-19, TM-25)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.api.schedules import fire_times_after
from coordinator.model.instants import DAY, HOUR, MINUTE
from coordinator.model.schedules import Firing, Occurrence, Schedule, Series
from coordinator.model.tasks import TaskSpec
from tests.unit.assignment.kit import task

MONDAY = 1_780_272_000_000 + 10 * HOUR  # 2026-06-01 10:00 UTC
THURSDAY = MONDAY + 3 * DAY + 5 * HOUR
WEEKLY = Schedule(rrule="FREQ=WEEKLY;COUNT=3")


def shown(schedule: Schedule, series: Series, **more: Any) -> list[int]:
    """In ms after the Monday on which the series began, told on a Thursday."""
    record = task("t", spec=TaskSpec(schedule=schedule), series=series)
    found = fire_times_after(record, replace(schedule, **more), THURSDAY, 10)
    return [one.at - MONDAY for one in found]


@pytest.mark.parametrize("more", [{}, {"overlap": "replace"}, {"jitter_ms": 7}, {"end": 2**42}])
def test_tm_25_a_rule_that_stays_goes_on(more: dict[str, Any]) -> None:
    following = Firing(MONDAY + 7 * DAY, MONDAY + 7 * DAY)
    series = Series(MONDAY, following, handled=MONDAY)
    assert shown(WEEKLY, series, **more) == [7 * DAY, 14 * DAY]


def test_tm_25_another_rule_begins_anew() -> None:
    series = Series(MONDAY, Firing(MONDAY + 7 * DAY, MONDAY + 7 * DAY), handled=MONDAY)
    anew = shown(WEEKLY, series, rrule="FREQ=WEEKLY;COUNT=3;WKST=SU")
    assert anew == [THURSDAY - MONDAY + 7 * DAY, THURSDAY - MONDAY + 14 * DAY]


def test_tm_7_nobody_knows_what_follows_the_run_in_progress() -> None:
    from_end = Schedule(every_ms=MINUTE, count_from="end")
    series = Series(MONDAY, occurrence=Occurrence("schedule", THURSDAY, THURSDAY))
    assert shown(from_end, series, every_ms=HOUR) == []
    later = THURSDAY + DAY
    assert shown(from_end, series, every_ms=HOUR, start=later)[0] == later - MONDAY
