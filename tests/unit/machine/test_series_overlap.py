"""A fire time comes while the occurrence before it is pending or runs (TM-12)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import AssignTask, StopRun
from coordinator.model.schedules import Firing, Occurrence
from coordinator.model.tasks import Policy, RunOutcome, Status, StopReason
from tests.unit.machine.kit import on
from tests.unit.machine.recurring import EVERY, SKIPPED, STARTED, WAITS, Recurring, T, nth


def test_tm_12_skip() -> None:
    world = Recurring()
    world.fire()
    task = world.fire()
    assert (task.status, world.occurrence.fire_at, world.held) == (Status.ASSIGNED, nth(0), [])
    assert world.fates == [(STARTED, "", nth(0)), (SKIPPED, "overlap", nth(1))]
    assert world.succeed().due_at == nth(2)


def test_tm_12_skip_while_the_one_before_is_pending() -> None:
    world = Recurring()
    world.fire(assignment=WAITS)
    task = world.fire()
    assert (task.status, task.due_at) == (Status.UNASSIGNED, nth(0))
    assert world.fates == [(SKIPPED, "overlap", nth(1))]


def test_tm_12_queue_one() -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    for _ in range(3):
        world.fire()
    assert world.held == [nth(1)]
    assert world.fates == [
        (STARTED, "", nth(0)),
        (SKIPPED, "overlap", nth(2)),
        (SKIPPED, "overlap", nth(3)),
    ]
    task = world.succeed(next=on())
    assert (task.status, world.occurrence.fire_at, world.held) == (Status.ASSIGNED, nth(1), [])
    assert world.fates[-1] == (STARTED, "", nth(1))
    assert world.succeed().due_at == nth(4)


def test_tm_12_queue_one_while_the_one_before_is_pending() -> None:
    world = Recurring(overlap="queue_one")
    world.fire(assignment=WAITS)
    world.fire()
    assert (world.occurrence.fire_at, world.held) == (nth(0), [nth(1)])


@pytest.mark.parametrize("outcome", [RunOutcome.FAILED, RunOutcome.ABORTED, RunOutcome.LOST])
def test_tm_12_replace(outcome: RunOutcome) -> None:
    """An exception, a confirmation, a lost node: whichever way the current run stops, the new one starts after it."""
    world = Recurring(overlap="replace")
    world.fire()
    world.begin()
    task = world.fire()
    assert (task.status, task.stop_reason) == (Status.STOPPING, StopReason.REPLACE)
    assert (world.occurrence.fire_at, world.held) == (nth(0), [nth(1)])
    world.end("t", outcome, reason="replace" if outcome is not RunOutcome.LOST else "node_lost")
    task = world.task()
    assert (task.status, task.due_at, task.attempts) == (Status.UNASSIGNED, nth(1), 0)
    assert (world.occurrence.fire_at, world.occurrence.replaced) == (nth(1), False)
    if outcome is not RunOutcome.LOST:
        assert world.ends == [(RunOutcome.ABORTED, "replaced")]


def test_tm_12_replace_a_success_is_one() -> None:
    world = Recurring(overlap="replace")
    world.fire()
    world.fire()
    task = world.succeed(next=on())
    assert (task.status, world.occurrence.fire_at) == (Status.ASSIGNED, nth(1))
    assert world.ends == [(RunOutcome.SUCCEEDED, "")]


def test_tm_12_replace_what_is_stopping_already() -> None:
    """Of those that come before the stop is confirmed only the last one starts."""
    world = Recurring(overlap="replace")
    world.fire()
    world.fire()
    world.fire()
    assert world.held == [nth(2)]
    assert world.fates == [(STARTED, "", nth(0)), (SKIPPED, "overlap", nth(1))]


def test_tm_12_replace_what_has_no_place_yet() -> None:
    world = Recurring(overlap="replace")
    world.fire(assignment=WAITS)
    task = world.fire()
    assert (task.status, task.due_at, world.held) == (Status.UNASSIGNED, nth(1), [])
    assert world.fates == [(SKIPPED, "overlap", nth(0))]


def test_tm_12_replace_what_waits_for_its_next_attempt() -> None:
    world = Recurring(Policy(within_occurrence=True), overlap="replace")
    world.fire()
    world.fail(retry_at=nth(1) - 1)
    task = world.fire()
    assert (task.status, world.occurrence.fire_at) == (Status.UNASSIGNED, nth(1))
    assert world.fates == [(STARTED, "", nth(0))], "it had a fate"


def test_tm_12_replace_a_run_at_its_time_limit_is_not_tried_again() -> None:
    world = Recurring(Policy(within_occurrence=True), overlap="replace")
    task = world.fire()
    world.fire()
    incarnation = task.assignment.incarnation
    assert incarnation is not None
    world.accept(StopRun(T, task.allocation_id, StopReason.TIMEOUT, incarnation))
    world.end("t", RunOutcome.TIMED_OUT, retry_at=world.at + 1)
    assert (world.task().status, world.occurrence.fire_at) == (Status.UNASSIGNED, nth(1))


def test_tm_12_replace_keeps_what_somebody_asked_for() -> None:
    world = Recurring(overlap="replace")
    world.fire()
    world.run_now(queue=True)
    world.fire()
    assert [one.cause for one in world.series.queue] == ["run_now", "schedule"]


def test_tm_7_counted_from_a_run_that_was_held_back_behind_a_manual_one() -> None:
    """What comes next follows from the run of the fire time, not from the one before it."""
    world = Recurring(count_from="end", overlap="queue_one")
    world.at = nth(0) - 10
    world.accept(AssignTask(T, world.run_now().allocation_id, on()))
    world.fire(next_at=0)
    assert world.held == [nth(0)]
    world.succeed(next=on())
    assert (world.occurrence.fire_at, world.series.next) == (nth(0), Firing())
    world.at += 500
    assert world.succeed().due_at == world.at + EVERY


def test_tm_4_an_extra_run_is_no_fire_time() -> None:
    """It takes no fate, moves nothing, and is held behind whatever runs."""
    world = Recurring()
    world.fire()
    world.succeed(again_at=nth(0) + 10)
    assert world.series.extra_at == nth(0) + 10
    assert world.state.next_fire() == nth(0) + 10
    world.at += 10
    extra = Occurrence("extra", 0, world.at)
    due = world.series.next
    world.accept(world.firing(0, handled=world.at, start=extra, extra=True))
    assert (world.series.next, world.series.extra_at) == (due, 0)
    assert (world.task().status, world.task().cause) == (Status.ASSIGNED, "extra")
    world.succeed(again_at=world.at)
    world.fire()
    extra = Occurrence("extra", 0, world.series.extra_at)
    world.accept(world.firing(handled=world.series.extra_at, start=extra, extra=True))
    assert [one.cause for one in world.series.queue] == ["extra"]
    assert world.fates == [(STARTED, "", nth(0)), (STARTED, "", nth(1))]
