"""What the leader proposes for fire times that have come, on time and too late (TM-9, TM-10)."""

from __future__ import annotations

import pytest

from coordinator.model.instants import DAY, HOUR, MINUTE, Instant
from coordinator.model.schedules import Fate, FateWord, Firing, Occurrence, Schedule
from coordinator.timetable import Plan, parse_blackout, plan, stretches
from coordinator.timetable.misfires import FURTHER
from coordinator.timetable.zones import first_change
from tests.unit.timetable.kit import TASK, instant, utc, waiting

FIRST = instant("2026-11-23T08:00")  # a Monday
GRACE = MINUTE
MONDAY = "Mon 09:00-Mon 17:00"


def planned(schedule: Schedule, now: Instant, limit: int = 5_000) -> Plan:
    found = plan(schedule, TASK, waiting(FIRST), now, GRACE, limit)
    assert found is not None
    assert found.handled == FIRST
    return found


def missed(first: Instant, last: Instant, count: int, reason: str = "misfire") -> Fate:
    return Fate(FateWord.MISSED, reason, first, last, count)


def skipped(first: Instant, last: Instant, count: int, reason: str = "blackout") -> Fate:
    return Fate(FateWord.SKIPPED, reason, first, last, count)


def begun(at: Instant) -> Occurrence:
    return Occurrence("schedule", at, at)


def test_nothing_is_proposed_before_it_is_due() -> None:
    every = Schedule(every_ms=HOUR)
    assert plan(every, TASK, waiting(FIRST, due_at=FIRST + 5), FIRST + 4, GRACE) is None
    assert plan(every, TASK, waiting(0), FIRST, GRACE) is None


@pytest.mark.parametrize("late_by", [0, 1, GRACE])
def test_on_time_one_fire_time_is_handled(late_by: int) -> None:
    found = planned(Schedule(every_ms=10_000), FIRST + late_by)
    following = FIRST + 10_000
    assert found == Plan(FIRST, (), begun(FIRST), (), Firing(following, following))


def test_on_time_in_a_blackout() -> None:
    schedule = Schedule(every_ms=10_000, blackouts=(parse_blackout("Mon 07:00-Mon 17:00"),))
    found = planned(schedule, FIRST)
    assert (found.start, found.fates) == (None, (skipped(FIRST, FIRST, 1),))
    assert found.next.fire_at == FIRST + 10_000


@pytest.mark.parametrize("kind", [Schedule(every_ms=HOUR), Schedule(cron="0 * * * *")])
class TestLate:
    NOW = FIRST + 5 * HOUR + 2 * MINUTE

    def test_once(self, kind: Schedule) -> None:
        found = planned(kind, self.NOW)
        assert found.start == begun(FIRST + 5 * HOUR)
        assert found.fates == (missed(FIRST, FIRST + 4 * HOUR, 5),)
        assert found.next.fire_at == FIRST + 6 * HOUR

    def test_once_with_one(self, kind: Schedule) -> None:
        found = planned(kind, FIRST + 2 * MINUTE)
        assert (found.start, found.fates, found.catch_up) == (begun(FIRST), (), ())

    def test_all(self, kind: Schedule) -> None:
        found = planned(_with(kind, misfire="all"), self.NOW)
        assert found.start == begun(FIRST)
        assert found.catch_up == tuple(begun(FIRST + hour * HOUR) for hour in range(1, 6))
        assert found.fates == ()

    def test_all_but_no_more_than_the_newest(self, kind: Schedule) -> None:
        found = planned(_with(kind, misfire="all", max_catch_up=2), self.NOW)
        assert found.start == begun(FIRST + 4 * HOUR)
        assert found.catch_up == (begun(FIRST + 5 * HOUR),)
        assert found.fates == (missed(FIRST, FIRST + 3 * HOUR, 4),)

    def test_skip(self, kind: Schedule) -> None:
        found = planned(_with(kind, misfire="skip"), self.NOW)
        assert (found.start, found.catch_up) == (None, ())
        assert found.fates == (missed(FIRST, FIRST + 5 * HOUR, 6),)
        assert found.next.fire_at == FIRST + 6 * HOUR

    def test_skip_starts_what_is_within_the_grace(self, kind: Schedule) -> None:
        found = planned(_with(kind, misfire="skip"), FIRST + 5 * HOUR + GRACE)
        assert found.start == begun(FIRST + 5 * HOUR)
        assert found.fates == (missed(FIRST, FIRST + 4 * HOUR, 5),)

    def test_start_deadline(self, kind: Schedule) -> None:
        short = _with(kind, start_deadline_ms=MINUTE)
        found = planned(short, self.NOW)
        assert found.start is None
        last = FIRST + 5 * HOUR
        assert found.fates == (
            missed(FIRST, last - HOUR, 5),
            missed(last, last, 1, "start_deadline"),
        )
        found = planned(_with(short, misfire="all"), self.NOW)
        assert (found.start, found.catch_up) == (None, ())
        assert found.fates == (missed(FIRST, last, 6, "start_deadline"),)

    def test_blackouts_in_between(self, kind: Schedule) -> None:
        found = planned(_with(kind, blackouts=(parse_blackout(MONDAY),)), FIRST + DAY + 2 * MINUTE)
        assert found.start == begun(FIRST + DAY)
        assert found.fates == (
            missed(FIRST, FIRST, 1),
            skipped(FIRST + HOUR, FIRST + 8 * HOUR, 8),
            missed(FIRST + 9 * HOUR, FIRST + 23 * HOUR, 15),
        )

    def test_the_newest_start_though_a_blackout_followed(self, kind: Schedule) -> None:
        schedule = _with(kind, blackouts=(parse_blackout(MONDAY),), misfire="all", max_catch_up=2)
        found = planned(schedule, FIRST + 3 * HOUR + 2 * MINUTE)
        assert (found.start, found.catch_up) == (begun(FIRST), ())
        assert found.fates == (skipped(FIRST + HOUR, FIRST + 3 * HOUR, 3),)

    def test_moved_to_the_end_of_a_blackout(self, kind: Schedule) -> None:
        shifting = _with(kind, blackouts=(parse_blackout("Mon 09:00-Mon 16:30 shift"),))
        found = planned(shifting, FIRST + 8 * HOUR + 20 * MINUTE)
        assert found.start == begun(FIRST)
        assert found.fates == (skipped(FIRST + HOUR, FIRST + 7 * HOUR, 7),)
        assert (utc(found.next.fire_at), utc(found.next.due_at)) == (
            "2026-11-23T16:00",
            "2026-11-23T16:30",
        )
        found = planned(shifting, FIRST + 8 * HOUR + 40 * MINUTE)
        end = FIRST + 8 * HOUR + 30 * MINUTE
        assert found.start == Occurrence("schedule", FIRST + 8 * HOUR, end)
        assert found.fates == (missed(FIRST, FIRST, 1), skipped(FIRST + HOUR, FIRST + 7 * HOUR, 7))

    def test_the_end_of_the_series(self, kind: Schedule) -> None:
        found = planned(_with(kind, end=FIRST + 3 * HOUR), self.NOW)
        assert found.start == begun(FIRST + 2 * HOUR)
        assert found.next == Firing()


def test_a_started_one_parts_neighbours_of_one_fate() -> None:
    schedule = Schedule(
        every_ms=HOUR,
        blackouts=(parse_blackout("Mon 07:00-Mon 09:30"), parse_blackout("Mon 10:30-Mon 17:00")),
    )
    found = planned(schedule, FIRST + 4 * HOUR)
    assert found.start == begun(FIRST + 2 * HOUR)
    assert found.fates == (
        skipped(FIRST, FIRST + HOUR, 2),
        skipped(FIRST + 3 * HOUR, FIRST + 4 * HOUR, 2),
    )


def test_ten_million_missed_times_are_one_range() -> None:
    count = 10_000_000
    found = planned(Schedule(every_ms=1_000), FIRST + count * 1_000)
    assert found.fates == (missed(FIRST, FIRST + (count - 1) * 1_000, count),)
    assert found.start == begun(FIRST + count * 1_000)


def test_a_jitter_not_yet_over_is_not_due() -> None:
    every = Schedule(every_ms=HOUR, jitter_ms=30 * MINUTE)
    found = planned(every, FIRST + 5 * HOUR)
    assert found.next.fire_at == FIRST + 5 * HOUR
    assert found.next.due_at > FIRST + 5 * HOUR
    assert found.start is not None
    assert found.start.fire_at == FIRST + 4 * HOUR
    assert found.start.due_at - found.start.fire_at < 30 * MINUTE


def test_a_first_time_of_its_own_beside_the_steps() -> None:
    found = plan(
        Schedule(every_ms=HOUR),
        TASK,
        waiting(FIRST, anchor=FIRST - MINUTE),
        FIRST + 3 * HOUR,
        GRACE,
    )
    assert found is not None
    assert found.fates == (missed(FIRST, FIRST + 2 * HOUR - MINUTE, 3),)
    assert found.start == begun(FIRST + 3 * HOUR - MINUTE)


class TestCutOff:
    """A walk that ends before now leaves what may be among the newest to the next turn."""

    RULE = Schedule(rrule="FREQ=MINUTELY;BYSECOND=0;BYSETPOS=1")  # which only a walk can count
    NOW = FIRST + 10 * MINUTE

    def test_once_starts_one_and_not_one_a_turn(self) -> None:
        found = planned(self.RULE, self.NOW, limit=4)
        assert (found.start, found.fates) == (None, (missed(FIRST, FIRST + 2 * MINUTE, 3),))
        assert found.next == Firing(FIRST + 3 * MINUTE, FIRST + 3 * MINUTE)

    def test_all_leaves_the_newest(self) -> None:
        found = planned(_with(self.RULE, misfire="all", max_catch_up=2), self.NOW, limit=6)
        assert (found.start, found.fates) == (None, (missed(FIRST, FIRST + 3 * MINUTE, 4),))
        assert found.next.fire_at == FIRST + 4 * MINUTE

    def test_nothing_but_blackouts(self) -> None:
        closed = _with(self.RULE, blackouts=(parse_blackout("Mon 07:00-Mon 17:00"),))
        found = planned(closed, self.NOW, limit=4)
        assert (found.start, found.fates) == (None, (skipped(FIRST, FIRST + 3 * MINUTE, 4),))
        assert found.next.fire_at == FIRST + 4 * MINUTE

    def test_it_goes_further_where_it_could_not_decide(self) -> None:
        closing = _with(self.RULE, blackouts=(parse_blackout("Mon 08:01-Mon 08:08"),))
        found = planned(closing, self.NOW, limit=2)
        assert found.start == begun(self.NOW)
        assert found.fates == (
            missed(FIRST, FIRST, 1),
            skipped(FIRST + MINUTE, FIRST + 7 * MINUTE, 7),
            missed(FIRST + 8 * MINUTE, FIRST + 9 * MINUTE, 2),
        )

    def test_but_not_for_ever(self) -> None:
        closing = _with(self.RULE, blackouts=(parse_blackout(MONDAY),))
        now = FIRST + 2 * HOUR
        found = plan(closing, TASK, waiting(FIRST + 59 * MINUTE), now, GRACE, 1)
        assert found is not None
        assert found.start == begun(FIRST + 59 * MINUTE)
        assert found.fates == (
            skipped(FIRST + HOUR, FIRST + HOUR + (FURTHER - 2) * MINUTE, FURTHER - 1),
        )
        assert found.next.fire_at <= now


class TestFromRuns:
    """An interval that counts from its runs: what comes next is not known before the run has ended."""

    EVERY = Schedule(every_ms=HOUR, count_from="end")

    def test_nothing_comes_next_while_it_runs(self) -> None:
        assert planned(self.EVERY, FIRST) == Plan(FIRST, (), begun(FIRST), (), Firing())
        assert planned(self.EVERY, FIRST + DAY) == Plan(FIRST, (), begun(FIRST), (), Firing())

    @pytest.mark.parametrize("now", [FIRST, FIRST + DAY])
    def test_what_does_not_run_is_followed_by_the_next_step(self, now: Instant) -> None:
        closed = _with(self.EVERY, blackouts=(parse_blackout("Mon 07:00-Mon 09:00"),))
        found = planned(closed, now)
        assert (found.start, found.fates) == (None, (skipped(FIRST, FIRST, 1),))
        assert found.next.fire_at == now + HOUR
        found = planned(_with(self.EVERY, misfire="skip"), FIRST + DAY)
        assert found.fates == (missed(FIRST, FIRST, 1),)
        assert found.next.fire_at == FIRST + DAY + HOUR

    def test_a_blackout_moves_what_no_timetable_knew(self) -> None:
        moving = _with(self.EVERY, blackouts=(parse_blackout("Mon 07:00-Mon 09:30 shift"),))
        end = FIRST + 90 * MINUTE
        found = planned(moving, FIRST)
        assert found == Plan(FIRST, (), None, (), Firing(FIRST, end))
        again = plan(moving, TASK, waiting(FIRST, due_at=end), end, GRACE)
        assert again is not None
        assert again.start == Occurrence("schedule", FIRST, end)


def _with(schedule: Schedule, **changes: object) -> Schedule:
    fields = {name: getattr(schedule, name) for name in schedule.__struct_fields__}
    return Schedule(**fields | changes)


def test_a_walk_looks_for_changes_of_the_clock_no_further_than_it_has_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to the next black-out, not up to now from each of them: that would cost the square of the outage."""
    looked = []

    def noted(zone: str, begin: Instant, end: Instant) -> Instant | None:
        looked.append(end - begin)
        return first_change(zone, begin, end)

    monkeypatch.setattr(stretches, "first_change", noted)
    hourly = (parse_blackout("cron '30 * * * *' for 10m"),)
    schedule = Schedule(cron="*/5 * * * *", time_zone="Europe/Berlin", blackouts=hourly)
    found = planned(schedule, FIRST + 10 * DAY)
    assert found.stretches == 481
    assert sum(looked) <= 10 * DAY
