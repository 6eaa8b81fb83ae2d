"""The first fire time, the next ones, jitter, resumed and edited series (TM-7, TM-8, TM-13, TM-17, TM-20, TM-25)."""

from __future__ import annotations

import pytest

from coordinator.model.instants import DAY, HOUR, MINUTE
from coordinator.model.schedules import (
    Firing,
    Occurrence,
    Schedule,
    Series,
    after_run,
)
from coordinator.timetable import edited, first_firing, next_firing, resumed
from tests.unit.timetable.kit import TASK, fires, instant, utc, waiting

NOW = instant("2026-11-22T10:00:00.500")


def test_tm_a5_no_drift() -> None:
    half_hourly = Schedule(every_ms=30 * MINUTE)
    due = NOW
    assert next_firing(half_hourly, TASK, NOW - DAY, due).fire_at == due + 30 * MINUTE
    assert after_run(half_hourly, due, due + 400, due + HOUR) == due + 30 * MINUTE


def test_tm_a6_late_start() -> None:
    by_default = Schedule(every_ms=30 * MINUTE)
    assert next_firing(by_default, TASK, NOW, NOW).fire_at == NOW + 30 * MINUTE
    from_start = Schedule(every_ms=30 * MINUTE, count_from="start")
    assert after_run(from_start, NOW, NOW + 5_000, NOW + 9_000) == NOW + 5_000 + 30 * MINUTE
    from_end = Schedule(every_ms=30 * MINUTE, count_from="end")
    assert after_run(from_end, NOW, NOW + 5_000, NOW + 9_000) == NOW + 9_000 + 30 * MINUTE


def test_an_interval_begins_now_at_its_start_or_when_it_was_told() -> None:
    every = Schedule(every_ms=HOUR)
    assert first_firing(every, TASK, NOW) == (NOW, Firing(NOW, NOW))
    later = NOW + 7 * MINUTE
    assert first_firing(every, TASK, NOW, later) == (later, Firing(later, later))
    assert first_firing(every, TASK, NOW, NOW - DAY) == (NOW, Firing(NOW, NOW))
    started = Schedule(every_ms=HOUR, start=later)
    assert first_firing(started, TASK, NOW) == (later, Firing(later, later))
    past = Schedule(every_ms=HOUR, start=NOW - HOUR - MINUTE)
    following = NOW + 59 * MINUTE
    assert first_firing(past, TASK, NOW) == (past.start, Firing(following, following))


def test_the_grid_of_an_interval_counts_from_start_whatever_due_time_was_given() -> None:
    every = Schedule(every_ms=HOUR, start=NOW - DAY - MINUTE)
    told = NOW + 7 * MINUTE
    anchor, first = first_firing(every, TASK, NOW, told)
    assert first.fire_at == told
    assert next_firing(every, TASK, anchor, told).fire_at == NOW + 59 * MINUTE


def test_cron_begins_with_the_first_match_after_now() -> None:
    cron = Schedule(cron="0 * * * *")
    on_the_hour = instant("2026-11-22T10:00")
    _, first = first_firing(cron, TASK, on_the_hour)
    assert utc(first.fire_at) == "2026-11-22T11:00"
    _, first = first_firing(cron, TASK, on_the_hour, on_the_hour + MINUTE)
    assert utc(first.fire_at) == "2026-11-22T10:01"
    started = Schedule(cron="0 * * * *", start=on_the_hour + DAY)
    _, first = first_firing(started, TASK, on_the_hour)
    assert utc(first.fire_at) == "2026-11-23T10:00"


def test_no_fire_time_at_or_after_end() -> None:
    ends = Schedule(every_ms=HOUR, end=NOW + 2 * HOUR)
    assert next_firing(ends, TASK, NOW, NOW).fire_at == NOW + HOUR
    assert next_firing(ends, TASK, NOW, NOW + HOUR) == Firing()
    assert first_firing(ends, TASK, NOW, NOW + 2 * HOUR)[1] == Firing()
    assert fires(
        Schedule(cron="0 * * * *", end=instant("2026-11-22T12:00")), "2026-11-22T10:00", 9
    ) == ["2026-11-22T11:00"]


def test_jitter_is_the_same_for_everybody_and_does_not_move_the_grid() -> None:
    every = Schedule(every_ms=HOUR, jitter_ms=30 * MINUTE)
    found, at = [], NOW
    for _ in range(200):
        firing = next_firing(every, TASK, NOW, at)
        assert firing.fire_at == at + HOUR
        found.append(firing.due_at - firing.fire_at)
        at = firing.fire_at
    assert 0 <= min(found) < 5 * MINUTE
    assert 25 * MINUTE < max(found) < 30 * MINUTE
    assert found[:3] == [592_177, 382_716, 854_083]  # no leader may ever come to others
    assert (
        next_firing(every, "another", NOW, NOW).due_at != next_firing(every, TASK, NOW, NOW).due_at
    )


def test_resumed_goes_on_in_the_old_steps_strictly_after_now() -> None:
    every = Schedule(every_ms=HOUR)
    series = waiting(NOW + HOUR, anchor=NOW)
    assert resumed(every, TASK, series, NOW + 5 * HOUR).fire_at == NOW + 6 * HOUR
    assert resumed(every, TASK, series, NOW + 5 * HOUR + 1).fire_at == NOW + 6 * HOUR


def test_tm_a43_other_interval() -> None:
    last = NOW - 13 * HOUR
    series = Series(last, Firing(last + DAY, last + DAY), handled=last)
    assert edited(Schedule(every_ms=12 * HOUR), TASK, series, NOW) == (NOW, Firing(NOW, NOW))
    series = Series(last, Firing(last + 12 * HOUR, last + 12 * HOUR), handled=last)
    anchor, firing = edited(Schedule(every_ms=24 * HOUR), TASK, series, NOW)
    assert (anchor, firing.fire_at) == (last + DAY, last + DAY)


def test_tm_a48_edited_cron() -> None:
    series = Series(NOW - DAY, Firing(NOW + 1, NOW + 1), handled=NOW - DAY)
    _, firing = edited(Schedule(cron="0 12 * * *"), TASK, series, NOW)
    assert utc(firing.fire_at) == "2026-11-22T12:00"
    anchor, firing = edited(Schedule(rrule="FREQ=DAILY"), TASK, series, NOW)
    assert utc(firing.fire_at) == "2026-11-23T10:00"
    assert anchor == NOW - 500  # whole seconds


def test_an_edit_before_the_first_fire_time_leaves_it() -> None:
    series = waiting(NOW + 5 * MINUTE)
    _, firing = edited(Schedule(every_ms=HOUR), TASK, series, NOW)
    assert firing.fire_at == NOW + 5 * MINUTE
    ended = Series(NOW, Firing())
    assert edited(Schedule(every_ms=HOUR), TASK, ended, NOW)[1].fire_at == NOW


def test_tm_25_a_new_interval_never_begins_before_the_edit() -> None:
    """Jitter or a black-out had put the first one off, so it is past and still to come (seeds 129, 1787)."""
    series = Series(NOW - DAY, Firing(NOW - 5 * MINUTE, NOW + 5 * MINUTE))
    assert edited(Schedule(every_ms=1_000), TASK, series, NOW) == (NOW, Firing(NOW, NOW))


def test_an_edit_counts_from_the_newest_fire_time_held_though_it_has_no_fate_yet() -> None:
    current = Occurrence("schedule", NOW - MINUTE, NOW - MINUTE)
    series = Series(NOW - DAY, Firing(NOW + 1, NOW + 1), handled=NOW - HOUR, occurrence=current)
    assert edited(Schedule(every_ms=HOUR), TASK, series, NOW)[1].fire_at == NOW + 59 * MINUTE


def test_an_edit_respects_start_and_end() -> None:
    series = Series(NOW - DAY, Firing(NOW + HOUR, NOW + HOUR), handled=NOW - DAY)
    later = Schedule(every_ms=HOUR, start=NOW + DAY)
    assert edited(later, TASK, series, NOW) == (NOW + DAY, Firing(NOW + DAY, NOW + DAY))
    over = Schedule(every_ms=2 * DAY, end=NOW + HOUR)
    assert edited(over, TASK, series, NOW)[1] == Firing()


def test_an_edit_of_an_idle_interval_that_counts_from_its_runs() -> None:
    from_end = Schedule(every_ms=HOUR, count_from="end")
    idle = Series(NOW - DAY, Firing(NOW + 9, NOW + 9), handled=NOW - MINUTE)
    assert edited(from_end, TASK, idle, NOW)[1].fire_at == NOW + 59 * MINUTE


@pytest.mark.parametrize("every_ms", [1_000, 1_001, 7 * DAY])
def test_strictly_after(every_ms: int) -> None:
    every = Schedule(every_ms=every_ms)
    first = next_firing(every, TASK, NOW, NOW - 1)
    assert first.fire_at == NOW
    assert next_firing(every, TASK, NOW, NOW).fire_at == NOW + every_ms
    assert next_firing(every, TASK, NOW, NOW - DAY).fire_at == NOW
