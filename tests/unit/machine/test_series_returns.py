"""What a run returns besides its result (TM-4), and what a redrive makes of a series (TM-56)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import AssignTask, PauseTask, RetryTask, UpdateTask
from coordinator.model.schedules import Schedule
from coordinator.model.tasks import Desired, Policy, RunOutcome, Status, TaskSpec
from tests.unit.machine.kit import AT, on, with_task
from tests.unit.machine.recurring import EVERY, SKIPPED, STARTED, Recurring, T, nth


def test_tm_a9_a_one_off_that_returns_a_time_lives_on() -> None:
    world = with_task()
    world.end("t", RunOutcome.FAILED, retry_at=AT)
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    world.end(
        "t",
        RunOutcome.SUCCEEDED,
        again_at=AT + 500,
        has_final_state=True,
        final_state=b"7",
        final_state_seq=1,
    )
    task = world.task()
    assert (task.status, task.due_at, task.wake_at) == (Status.WAITING, AT + 500, AT + 500)
    assert (task.attempts, task.state) == (0, b"7")


def test_tm_a9_a_time_of_a_paused_one_off_is_kept_for_its_resumption() -> None:
    world = with_task()
    world.accept(PauseTask(T, finish=True))
    world.end("t", RunOutcome.SUCCEEDED, again_at=AT + 500)
    assert (world.task().status, world.task().due_at) == (Status.PAUSED, AT + 500)


def test_tm_a10_a_returned_schedule_replaces_the_stored_one() -> None:
    world = Recurring()
    world.fire()
    hourly = Schedule(every_ms=3_600_000)
    task = world.succeed(schedule=hourly)
    assert task.spec.schedule == hourly
    assert (world.series.needs, world.series.since) == ("edited", world.at)
    assert (task.set_by, task.edited_revision) == ((("schedule", "run"),), task.revision)
    world.time(nth(0) + 3_600_000)
    assert world.task().due_at == nth(0) + 3_600_000


def test_tm_1_a_returned_schedule_brings_the_policy_of_a_series() -> None:
    asked = Policy(priority=7)
    world = with_task(spec=TaskSpec(priority=7), policy=asked)
    recurring = Policy(timeout_ms=300_000, max_attempts=9)
    world.end("t", RunOutcome.SUCCEEDED, schedule=Schedule(every_ms=EVERY), policy=recurring)
    assert world.task().policy == Policy(priority=7, timeout_ms=300_000, max_attempts=9)


def test_tm_1_an_edit_that_the_leader_had_not_seen_counts_with_a_returned_schedule() -> None:
    world = Recurring()
    world.fire()
    spec = TaskSpec(schedule=world.task().spec.schedule, timeout_ms=5)
    world.accept(UpdateTask(T, 0, spec=spec, policy=Policy(timeout_ms=5)))
    hourly, recurring = Schedule(every_ms=3_600_000), Policy(timeout_ms=300_000)
    world.succeed(schedule=hourly, policy=recurring)
    assert (world.task().spec.schedule, world.task().policy) == (hourly, Policy(timeout_ms=5))


def test_tm_a10_a_returned_schedule_makes_a_series_of_a_one_off() -> None:
    world = with_task()
    hourly = Schedule(every_ms=3_600_000)
    world.at += 10
    world.end("t", RunOutcome.SUCCEEDED, schedule=hourly)
    task = world.task()
    assert (task.status, task.spec.schedule, task.is_terminal) == (Status.WAITING, hourly, False)
    assert task.series is not None
    assert (task.series.needs, task.series.since) == ("edited", world.at)
    assert task.series.handled == world.at, "the interval counts from this run"


def test_tm_a10_with_a_run_that_was_asked_for_meanwhile() -> None:
    world = Recurring()
    world.fire()
    world.run_now(queue=True)
    world.succeed(schedule=Schedule(every_ms=1_000), next=on())
    assert world.task().cause == "run_now"


@pytest.mark.parametrize("is_recurring", [True, False])
def test_tm_4_then_pause_keeps_outcome_and_state(is_recurring: bool) -> None:
    world = Recurring() if is_recurring else with_task()
    if isinstance(world, Recurring):
        world.fire()
    more = {"has_final_state": True, "final_state": b"7", "final_state_seq": 1}
    world.end("t", RunOutcome.SUCCEEDED, then="pause", **more)
    task = world.task()
    assert (task.status, task.desired, task.state) == (Status.PAUSED, Desired.PAUSED, b"7")
    assert task.last_outcome is not None
    assert task.last_outcome.outcome is RunOutcome.SUCCEEDED
    assert task.set_by == (("paused", "run"),)


def test_tm_4_then_end_ends_the_series() -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()
    task = world.succeed(then="end")
    assert (task.status, task.end_reason) == (Status.SUCCEEDED, "")
    assert world.fates[-1] == (SKIPPED, "ended", nth(1))


# -- retry by hand (TM-56) ------------------------------------------------------------------------


def test_tm_56_a_failed_series_is_enabled_again_and_runs_once_now() -> None:
    world = Recurring()
    world.fire()
    world.fail(permanent=True, reason="permanent")
    world.at = nth(9) + 7
    world.accept(RetryTask(T))
    task = world.task()
    assert (task.status, task.cause, task.due_at, task.attempts) == (
        Status.UNASSIGNED,
        "retry",
        world.at,
        0,
    )
    assert (world.series.needs, world.series.since) == ("resumed", world.at)
    world.time(nth(10))
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert world.succeed().due_at == nth(10)
    assert world.fates == [(STARTED, "", nth(0))], "there are none while it had failed"


def test_tm_56_a_series_that_came_to_its_end_runs_once_more_and_ends_again() -> None:
    world = Recurring()
    world.fire(next_at=0)
    world.succeed()
    world.accept(RetryTask(T, again=True))
    world.time(0)
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    assert world.succeed().status is Status.SUCCEEDED


def test_a_recurring_task_begins_with_its_schedule_alone() -> None:
    """EVERY is what the tests count with; a spec of its own says the same."""
    assert Recurring().task().spec == TaskSpec(schedule=Schedule(every_ms=EVERY))
