"""What the leader estimates of a timetable on its own loop: for any that the door lets in it comes to an end, and to a figure."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coordinator.duties.outlook import AHEAD, forecast, outlook
from coordinator.model.instants import DAY, HOUR, MINUTE, Instant
from coordinator.model.schedules import Schedule
from coordinator.timetable import problem
from tests.properties.timetables import cron_fields, moments, schedules, zones

expressions = st.builds(
    lambda fields, zone: Schedule(cron=fields.text, time_zone=zone), cron_fields(), zones
)
pytestmark = pytest.mark.timeout(900)


@settings(max_examples=60)
@given(st.one_of(schedules, expressions), moments(), st.integers(-2, 400))
def test_tm_79_every_timetable_has_a_rate_and_minutes_to_come(
    schedule: Schedule, moment: tuple[str, Instant], days: int
) -> None:
    at = max(0, moment[1] + days * DAY)
    assume(problem(schedule, at) is None)
    seen = outlook(schedule, at)
    assert isfinite(seen.per_minute)
    assert seen.per_minute >= 0
    first = at // MINUTE
    for minute in seen.minutes or ():
        assert first <= minute
    found = forecast([(seen, 3)], at, 60)
    assert len(found) == 60
    assert all(isfinite(count) and count >= 0 for count in found)
    if seen.minutes:
        inside = sum(first <= minute < first + 60 for minute in seen.minutes)
        assert sum(found) == 3 * inside
    later = forecast([(seen, 1)], at + HOUR, AHEAD - 60)
    assert len(later) == 60
