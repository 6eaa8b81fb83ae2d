"""Fire times and their fates: what the leader found in a timetable, and what the record makes of it (TM-5 to TM-11)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import AssignTask, FireSchedule, PauseTask, TimeSeries
from coordinator.machine.outcome import Refusal
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Fate, Firing, Occurrence, Schedule
from coordinator.model.tasks import Code, Status
from tests.unit.machine.kit import AT, create, on
from tests.unit.machine.recurring import EVERY, MISSED, SKIPPED, STARTED, WAITS, Recurring, T, nth


def test_a_new_series_waits_until_the_leader_says_when() -> None:
    world = Recurring(timed=False)
    task = world.task()
    assert (task.status, task.assignment.code) == (Status.WAITING, Code.NOT_DUE)
    assert (world.series.needs, world.series.since) == ("first", AT)
    assert world.state.next_fire() == 1, "the leader is to look at it at once"
    world.time(nth(2))
    assert (world.series.needs, world.series.next, world.task().due_at) == (
        "",
        Firing(nth(2), nth(2)),
        nth(2),
    )
    assert world.state.next_fire() == nth(2)
    assert world.state.next_wake() is None


def test_what_the_leader_said_about_another_schedule_is_stale() -> None:
    world = Recurring(timed=False)
    said = TimeSeries(T, 0, AT, AT, Firing(nth(1), nth(1)))
    for stale in (replace(said, edited=7), replace(said, since=AT - 1)):
        assert world.refuse(stale).code is Refusal.CHOICE_STALE
    unknown = replace(said, task_id=TaskId("nobody"))
    assert world.refuse(unknown).code is Refusal.TASK_NOT_FOUND
    world.accept(create("one-off"))
    one_off = replace(said, task_id=TaskId("one-off"))
    assert world.refuse(one_off).code is Refusal.CHOICE_STALE
    world.accept(said)
    assert world.refuse(said).code is Refusal.CHOICE_STALE, "it needs nothing any more"


def test_tm_a5_the_next_fire_time_is_that_of_the_timetable_however_late_the_run_began() -> None:
    world = Recurring()
    task = world.fire()
    assert (task.status, task.due_at, task.cause) == (Status.ASSIGNED, nth(0), "schedule")
    world.at += 400
    world.begin()
    world.at += 5_000
    task = world.succeed()
    assert (task.status, task.due_at, world.series.occurrence) == (Status.WAITING, nth(1), None)
    assert (task.attempts, task.wake_at) == (0, 0)


@pytest.mark.parametrize("late_ms, expected", [(400, nth(1)), (5_000, nth(1) + 5_000)])
def test_tm_a6_counted_from_the_start(late_ms: int, expected: int) -> None:
    world = Recurring(count_from="start")
    world.fire(next_at=0)
    assert world.series.next == Firing(), "it depends on the run"
    world.at += late_ms
    world.begin()
    world.at += 10_000
    assert world.succeed().due_at == expected
    assert world.series.next == Firing(expected, expected)


def test_tm_a6_counted_from_the_due_time_a_late_start_moves_nothing() -> None:
    world = Recurring()
    world.fire()
    world.at += 5_000
    world.begin()
    assert world.succeed().due_at == nth(1)
    assert (world.held, world.series.occurrence) == ([], None)


def test_tm_7_counted_from_the_end() -> None:
    world = Recurring(count_from="end", end=nth(3))
    for _ in range(2):
        world.fire(next_at=0)
        world.begin()
        world.at += 10_000
        ended = world.at
        task = world.succeed()
        assert task.due_at == ended + EVERY
    world.fire(next_at=0)
    world.at = nth(2) + 1
    assert world.succeed().status is Status.SUCCEEDED, "the next one would be at or after the end"
    assert world.task().end_reason == "schedule_ended"


def test_tm_a49_no_fire_time_is_handled_twice_whoever_leads() -> None:
    world = Recurring()
    of_the_old_leader = world.firing()
    world.fire()
    assert world.refuse(of_the_old_leader).code is Refusal.CHOICE_STALE
    world.succeed()
    assert world.refuse(of_the_old_leader).code is Refusal.CHOICE_STALE
    assert world.fates == [(STARTED, "", nth(0))]
    world.fire()
    world.succeed()
    assert world.fates == [(STARTED, "", nth(0)), (STARTED, "", nth(1))]


def test_nothing_is_fired_where_nothing_is_next() -> None:
    """A series whose last fire time has come has none to handle; 0 is no instant."""
    world = Recurring()
    world.fire(next_at=0)
    edited = world.task().edited_revision
    start = Occurrence("schedule", 0, 0)
    nothing = FireSchedule(T, edited, 0, Firing(nth(1), nth(1)), start=start)
    assert world.refuse(nothing).code is Refusal.CHOICE_STALE
    assert world.refuse(replace(nothing, extra=True)).code is Refusal.CHOICE_STALE


def test_a_firing_of_another_edit_or_of_a_task_that_is_not_wanted_is_stale() -> None:
    world = Recurring()
    before = world.firing()
    world.edit(Schedule(every_ms=EVERY), priority=7)
    assert world.refuse(before).code is Refusal.CHOICE_STALE
    now = world.firing()
    assert world.refuse(replace(now, task_id=TaskId("nobody"))).code is Refusal.TASK_NOT_FOUND
    world.accept(PauseTask(T))
    assert world.refuse(now).code is Refusal.CHOICE_STALE


def test_a_firing_without_a_place_waits_and_is_not_late() -> None:
    """TM-11: whatever holds it back, its fire time has come and its fate is open."""
    world = Recurring()
    task = world.fire(assignment=WAITS)
    assert (task.status, task.assignment, task.due_at) == (Status.UNASSIGNED, WAITS, nth(0))
    assert world.fates == []
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert world.fates == [(STARTED, "", nth(0))]
    assert world.occurrence.placed


def test_a_choice_of_node_that_no_longer_holds_says_so() -> None:
    world = Recurring()
    task = world.fire(assignment=on("n9"))
    assert (task.status, task.assignment.code) == (Status.UNASSIGNED, Code.NO_NODES)
    assert world.fates == []


def test_a_fire_time_that_does_not_start_gets_its_fate_and_nothing_runs() -> None:
    """TM-14, TM-15: what the leader foresaw."""
    world = Recurring()
    fate = Fate(SKIPPED, "blackout", nth(0), nth(0))
    task = world.fire(fates=(fate,), start=None, assignment=None)
    assert (task.status, task.due_at, world.series.handled) == (Status.WAITING, nth(1), nth(0))
    assert world.fates == [(SKIPPED, "blackout", nth(0))]


def test_tm_10_once_the_newest_late_time_starts_and_the_others_are_missed() -> None:
    world = Recurring()
    world.at = nth(4) + 5
    missed = Fate(MISSED, "misfire", nth(0), nth(3), 4)
    start = Occurrence("schedule", nth(4), nth(4))
    world.fire(nth(5), fates=(missed,), start=start, late=True)
    assert world.fates == [(MISSED, "misfire", nth(0)), (STARTED, "", nth(4))]
    assert (world.series.handled, world.series.next.fire_at) == (nth(4), nth(5))
    assert world.task().due_at == nth(4)


def test_tm_10_all_late_times_start_one_after_the_other_and_overlap_is_no_reason() -> None:
    world = Recurring(misfire="all")
    world.at = nth(4) + 5
    late = [Occurrence("schedule", nth(k), nth(k)) for k in range(2, 5)]
    missed = Fate(MISSED, "misfire", nth(0), nth(1), 2)
    world.fire(nth(5), fates=(missed,), start=late[0], catch_up=tuple(late[1:]), late=True)
    assert world.held == [nth(3), nth(4)]
    assert world.series.handled == nth(4)
    world.succeed(next=on())
    assert (world.occurrence.fire_at, world.task().status) == (nth(3), Status.ASSIGNED)
    world.succeed()
    assert (world.occurrence.fire_at, world.task().status) == (nth(4), Status.UNASSIGNED)
    assert world.task().due_at == nth(4)
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    assert world.succeed().status is Status.WAITING
    assert [when for _, _, when in world.fates] == [nth(0), nth(2), nth(3), nth(4)]


def test_tm_10_late_times_are_held_behind_a_run_that_outlived_the_outage() -> None:
    world = Recurring(misfire="all")
    world.fire()
    world.at = nth(2) + 5
    late = [Occurrence("schedule", nth(k), nth(k)) for k in (1, 2)]
    world.fire(nth(3), start=late[0], catch_up=(late[1],), late=True)
    assert (world.occurrence.fire_at, world.held) == (nth(0), [nth(1), nth(2)])
    world.fire(nth(4), start=Occurrence("schedule", nth(3), nth(3)))
    assert world.fates[-1] == (SKIPPED, "overlap", nth(3)), "this one came in time"


def test_tm_10_skip_leaves_the_series_waiting() -> None:
    world = Recurring(misfire="skip")
    world.at = nth(4) + 5
    missed = Fate(MISSED, "misfire", nth(0), nth(4), 5)
    task = world.fire(nth(5), fates=(missed,), start=None, late=True)
    assert (task.status, task.due_at, world.series.handled) == (Status.WAITING, nth(5), nth(4))


def test_tm_16_without_a_fire_time_left_the_series_ends_after_its_last_run() -> None:
    world = Recurring(end=nth(1))
    assert world.fire(next_at=0).status is Status.ASSIGNED
    task = world.succeed()
    assert (task.status, task.end_reason) == (Status.SUCCEEDED, "schedule_ended")
    assert (task.finished_at, world.state.recurring) == (world.at, 0)


def test_tm_16_it_ends_at_once_if_the_last_fire_time_does_not_start() -> None:
    world = Recurring()
    fate = Fate(SKIPPED, "blackout", nth(0), nth(0))
    task = world.fire(0, fates=(fate,), start=None)
    assert (task.status, task.end_reason) == (Status.SUCCEEDED, "schedule_ended")


def test_tm_16_a_failure_of_the_last_run_does_not_fail_the_series() -> None:
    world = Recurring()
    world.fire(next_at=0)
    assert world.fail().status is Status.SUCCEEDED


def test_tm_16_a_timetable_that_has_nothing_from_the_beginning_ends_the_series() -> None:
    world = Recurring(timed=False)
    world.time(0)
    assert (world.task().status, world.task().end_reason) == (Status.SUCCEEDED, "schedule_ended")


def test_tm_10_outage_upon_outage_holds_back_no_more_than_may_be_caught_up_with() -> None:
    world = Recurring(misfire="all", max_catch_up=2)
    world.fire()  # runs on through all of it
    for first in (1, 3, 5):
        late = [Occurrence("schedule", nth(k), nth(k)) for k in (first, first + 1)]
        world.fire(nth(first + 2), start=late[0], catch_up=(late[1],), late=True)
    assert world.held == [nth(5), nth(6)]
    missed = [(word, reason, first) for word, reason, first in world.fates if word is MISSED]
    assert missed == [(MISSED, "misfire", nth(k)) for k in (1, 2, 3, 4)]
