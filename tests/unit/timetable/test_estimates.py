"""What an estimate may cost: a leader makes it between two beats."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from coordinator.model.instants import MINUTE, Instant
from coordinator.model.schedules import Blackout, Schedule
from coordinator.timetable import estimates, fires_per_minute
from coordinator.timetable.windows import Window, windows_at
from tests.unit.timetable.kit import instant


def test_tm_79_many_black_outs_make_it_rougher_and_not_dearer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0

    def counted(blackouts: Sequence[Blackout], at: Instant) -> tuple[Window, ...]:
        nonlocal looks
        looks += len(blackouts)
        return windows_at(blackouts, at)

    monkeypatch.setattr(estimates, "windows_at", counted)
    every_other = tuple(
        Blackout(cron=f"{minute} * * * *", duration_ms=MINUTE) for minute in range(0, 60, 2)
    )
    found = fires_per_minute(
        Schedule(every_ms=MINUTE, blackouts=every_other), instant("2026-11-23T08:00")
    )
    assert found == pytest.approx(0.5, rel=0.02)
    assert looks <= estimates.SEGMENTS_MAX * estimates.CHEAP_BLACKOUTS
