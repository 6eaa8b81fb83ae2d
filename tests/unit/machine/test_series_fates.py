"""Start deadlines (TM-11), and the ranges that fates are kept in (TM-9)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import AssignTask, MissOccurrence
from coordinator.machine.outcome import Refusal
from coordinator.model.events import Fated
from coordinator.model.ids import TaskId
from coordinator.model.schedules import Fate, Occurrence, Schedule
from coordinator.model.tasks import Code, Policy, RunOutcome, Status, TaskSpec
from tests.unit.machine.kit import create, on
from tests.unit.machine.recurring import EVERY, MISSED, SKIPPED, STARTED, WAITS, Recurring, T, nth


def test_start_deadline_an_occurrence_without_a_place_until_then_is_missed() -> None:
    world = Recurring(start_deadline_ms=10_000)
    task = world.fire(assignment=WAITS)
    assert world.state.next_fire() == nth(0) + 10_000
    miss = MissOccurrence(T, nth(0))
    world.at += 9_999
    assert world.refuse(miss).code is Refusal.CHOICE_STALE
    world.at += 1
    late = AssignTask(T, task.allocation_id, on())
    assert world.refuse(late).code is Refusal.CHOICE_STALE, "it is not started any more"
    assert world.refuse(MissOccurrence(T, nth(1))).code is Refusal.CHOICE_STALE
    assert world.refuse(MissOccurrence(TaskId("nobody"), 0)).code is Refusal.TASK_NOT_FOUND
    world.accept(miss)
    assert world.fates == [(MISSED, "start_deadline", nth(0))]
    assert (world.task().status, world.task().due_at) == (Status.WAITING, nth(1))
    assert world.refuse(miss).code is Refusal.CHOICE_STALE


def test_start_deadline_a_run_that_has_or_had_a_place_goes_on() -> None:
    world = Recurring(start_deadline_ms=10_000)
    world.fire()
    world.at += 20_000
    assert world.refuse(MissOccurrence(T, nth(0))).code is Refusal.CHOICE_STALE
    world.end("t", RunOutcome.LOST)
    assert world.task().status is Status.UNASSIGNED
    assert world.refuse(MissOccurrence(T, nth(0))).code is Refusal.CHOICE_STALE
    world.accept(AssignTask(T, world.task().allocation_id, on()))


def test_start_deadline_that_an_edit_took_away_misses_nothing() -> None:
    world = Recurring(start_deadline_ms=10_000)
    world.fire(assignment=WAITS)
    world.edit(Schedule(every_ms=EVERY))
    world.at += 60_000
    assert world.refuse(MissOccurrence(T, nth(0))).code is Refusal.CHOICE_STALE


def test_start_deadline_holds_for_one_that_was_held_back_too_long() -> None:
    world = Recurring(start_deadline_ms=10_000, overlap="queue_one")
    world.fire()
    world.fire()
    world.at += 10_000
    task = world.succeed(next=on())
    assert task.status is Status.UNASSIGNED, "the leader's choice comes too late"
    world.accept(MissOccurrence(T, nth(1)))
    assert world.fates == [(STARTED, "", nth(0)), (MISSED, "start_deadline", nth(1))]


def test_start_deadline_passed_at_the_firing_itself_takes_no_place() -> None:
    world = Recurring(start_deadline_ms=10_000)
    world.at = nth(0) + 10_000
    assert world.fire().status is Status.UNASSIGNED
    world.accept(MissOccurrence(T, nth(0)))
    assert world.fates == [(MISSED, "start_deadline", nth(0))]


def test_start_deadline_the_one_held_behind_starts() -> None:
    world = Recurring(start_deadline_ms=10_000, misfire="all")
    two = [Occurrence("schedule", nth(k), nth(k)) for k in (0, 1)]
    world.at = nth(1)
    world.fire(nth(2), start=two[0], catch_up=(two[1],), late=True, assignment=WAITS)
    world.accept(MissOccurrence(T, nth(0)))
    assert (world.occurrence.fire_at, world.task().due_at) == (nth(1), nth(1))


def test_start_deadline_of_an_interval_that_counts_from_runs_leaves_it_going() -> None:
    world = Recurring(start_deadline_ms=10_000, count_from="end")
    world.fire(0, assignment=WAITS)
    world.at += 10_000
    world.accept(MissOccurrence(T, nth(0)))
    assert (world.task().status, world.task().due_at) == (Status.WAITING, world.at + EVERY)


# -- ranges ---------------------------------------------------------------------------------------


def test_tm_9_neighbours_with_one_fate_are_one_range() -> None:
    world = Recurring()
    for _ in range(3):
        world.fire()
        world.succeed()
    assert world.stored == [Fate(STARTED, "", nth(0), nth(2), 3)]
    assert len(world.fates) == 3


def test_tm_9_a_range_does_not_reach_over_a_fire_time_that_is_still_open() -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()  # held
    world.fire()  # skipped
    world.succeed(next=on())
    world.fire()  # held
    world.fire()  # skipped
    world.succeed(next=on())
    world.succeed()
    assert [(f.first, f.last, f.word) for f in world.stored] == [
        (nth(0), nth(0), STARTED),
        (nth(1), nth(1), STARTED),
        (nth(2), nth(2), SKIPPED),
        (nth(3), nth(3), STARTED),
        (nth(4), nth(4), SKIPPED),
    ]


def test_tm_9_ranges_of_another_reason_are_others() -> None:
    world = Recurring()
    world.fire(fates=(Fate(SKIPPED, "blackout", nth(0), nth(0)),), start=None)
    world.fire(fates=(Fate(SKIPPED, "dst_gap", nth(1), nth(1)),), start=None)
    assert [(f.first, f.reason) for f in world.stored] == [
        (nth(0), "blackout"),
        (nth(1), "dst_gap"),
    ]


def test_a_fate_is_told_with_the_range_that_it_is_part_of() -> None:
    world = Recurring()
    world.fire()
    world.succeed()
    world.fire()
    told = [event for event in world.state.events if isinstance(event, Fated)][-1]
    assert (told.task_id, told.executor) == (T, "demo.noop")
    assert told.fate == Fate(STARTED, "", nth(1), nth(1))
    assert told.stored == Fate(STARTED, "", nth(0), nth(1), 2)


def test_tm_a20_what_may_not_start_is_due_and_waits_with_the_reason() -> None:
    """A paused type, as everything else that holds back: the fire time has come, its occurrence is overdue."""
    world = Recurring()
    task = world.fire(assignment=replace(WAITS, code=Code.ASSIGNMENT_DISABLED))
    assert (task.status, task.due_at, world.fates) == (Status.UNASSIGNED, nth(0), [])


def test_the_policy_and_the_spec_are_no_business_of_a_firing() -> None:
    world = Recurring(Policy(cost=20))
    world.accept(create("big", spec=TaskSpec(), policy=Policy(cost=4)))
    task = world.fire()
    assert (task.status, task.assignment.code) == (Status.UNASSIGNED, Code.NO_CAPACITY)


def test_what_starts_parts_the_ranges_before_and_after_it() -> None:
    world = Recurring(timed=True)
    first = world.series.next.fire_at
    before, started, after = (first + place * EVERY for place in range(3))
    gone = [Fate(SKIPPED, "blackout", at, at) for at in (before, after)]
    start = Occurrence("schedule", started, started)
    world.at = after
    world.accept(world.firing(after + EVERY, fates=tuple(gone), start=start, late=True))
    assert [(one.first, one.last, one.count, one.word) for one in world.stored] == [
        (before, before, 1, SKIPPED),
        (started, started, 1, STARTED),
        (after, after, 1, SKIPPED),
    ]
