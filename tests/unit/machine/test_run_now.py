"""Runs that somebody asks for, of a series and of a one-off, in every status (TM-29)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import (
    AssignTask,
    CancelTask,
    MissOccurrence,
    PauseTask,
    ResumeTask,
    RunNow,
    SetSettings,
)
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model.ids import TaskId
from coordinator.model.tasks import (
    Assignment,
    Code,
    Desired,
    Policy,
    RunOutcome,
    Status,
    StopReason,
    TaskSpec,
)
from tests.unit.machine.kit import AT, create, on, with_task
from tests.unit.machine.recurring import EVERY, MISSED, SKIPPED, STARTED, WAITS, Recurring, T, nth


def test_tm_29_waiting() -> None:
    world = Recurring()
    world.fire()
    world.fail()
    due = world.series.next
    task = world.run_now()
    assert (task.status, task.cause, task.due_at) == (Status.UNASSIGNED, "run_now", world.at)
    assert (task.attempts, world.series.next) == (1, due)
    world.accept(AssignTask(T, task.allocation_id, on()))
    task = world.succeed()
    assert (task.status, task.due_at, world.series.next) == (Status.WAITING, due.due_at, due)
    assert world.fates == [(STARTED, "", nth(0))], "a manual run is no fire time"


def test_tm_29_waiting_for_the_next_attempt() -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.fire()
    world.fail(retry_at=world.at + 10_000)
    task = world.run_now()
    assert (task.status, task.attempts) == (Status.UNASSIGNED, 1)
    assert (world.occurrence.fire_at, world.occurrence.attempts) == (nth(0), 1)
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert (world.fates, world.occurrence.asked) == ([(STARTED, "", nth(0))], False)


def test_tm_29_waiting_of_a_series_that_was_not_told_yet_when_it_fires() -> None:
    world = Recurring(timed=False)
    assert world.run_now().status is Status.UNASSIGNED
    world.time(nth(1))
    assert (world.task().status, world.series.next.fire_at) == (Status.UNASSIGNED, nth(1))


def test_tm_29_unassigned() -> None:
    world = Recurring()
    task = world.fire(assignment=WAITS)
    assert world.accept(RunNow(T)) == Accepted(T, task.allocation_id)
    assert (world.task().status, world.occurrence.due_at) == (Status.UNASSIGNED, nth(0))
    assert world.accept(RunNow(T)) == Accepted(T, task.allocation_id, unchanged=True)


def test_tm_29_unassigned_it_is_not_missed_any_more() -> None:
    world = Recurring(start_deadline_ms=5_000)
    world.fire(assignment=WAITS)
    world.run_now()
    world.at += 5_000
    assert not world.state.deadlines_until(world.at, 10)
    assert world.refuse(MissOccurrence(T, nth(0))).code is Refusal.CHOICE_STALE
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    world.succeed()
    assert world.fates == [(STARTED, "", nth(0))]


def test_tm_29_unassigned_after_its_deadline_as_long_as_nobody_has_said_that_it_is_missed() -> None:
    world = Recurring(start_deadline_ms=5_000)
    world.fire(assignment=WAITS)
    world.at += 6_000
    task = world.run_now()
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert world.fates == [(STARTED, "", nth(0))]


@pytest.mark.parametrize("before", ["fired", "manual", "failed"])
def test_tm_29_unassigned_the_one_in_its_place_is_not_missed_either(before: str) -> None:
    policy = Policy(within_occurrence=True)
    world = Recurring(policy, start_deadline_ms=5_000, overlap="replace")
    if before != "manual":
        world.fire(assignment=on() if before == "failed" else WAITS)
    if before == "failed":
        world.fail(retry_at=world.at + 10_000)
    world.run_now()
    last = world.series.next.fire_at
    world.fire()
    world.at += 5_000
    assert world.refuse(MissOccurrence(T, last)).code is Refusal.CHOICE_STALE
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    world.succeed()
    assert world.fates[-1] == (STARTED, "", last)
    world.fire(assignment=WAITS)
    world.at += 5_000
    world.accept(MissOccurrence(T, last + EVERY))
    assert world.fates[-1] == (MISSED, "start_deadline", last + EVERY), "only the one asked for"


def test_tm_29_unassigned_whose_run_has_begun_since_gives_way_like_any_other() -> None:
    world = Recurring(Policy(within_occurrence=True), start_deadline_ms=5_000, overlap="replace")
    world.fire(assignment=WAITS)
    world.accept(AssignTask(T, world.run_now().allocation_id, on()))
    world.fail(retry_at=world.series.next.fire_at + 1_000)
    world.fire(assignment=WAITS)
    world.at += 5_000
    world.accept(MissOccurrence(T, nth(1)))
    assert world.fates == [(STARTED, "", nth(0)), (MISSED, "start_deadline", nth(1))]


def test_tm_a44_running() -> None:
    world = Recurring()
    task = world.fire()
    refused = world.refuse(RunNow(T))
    assert (refused.code, refused.current) == (Refusal.ALREADY_RUNNING, task.allocation_id)
    world.begin()
    assert world.refuse(RunNow(T)).detail == f"run {task.allocation_id} is running on n1"
    assert world.refuse(RunNow(TaskId("nobody"))).code is Refusal.TASK_NOT_FOUND


def test_tm_29_running_once_more_afterwards() -> None:
    world = Recurring()
    world.fire()
    before = world.run_now(queue=True)
    assert world.accept(RunNow(T, queue=True)).unchanged, "one more run, however often asked for"
    assert world.task() == before
    task = world.succeed(next=on())
    assert (task.status, task.cause, world.series.next.fire_at) == (
        Status.ASSIGNED,
        "run_now",
        nth(1),
    )
    assert world.succeed().status is Status.WAITING


@pytest.mark.parametrize("outcome", [RunOutcome.ABORTED, RunOutcome.SUCCEEDED, RunOutcome.LOST])
def test_tm_29_running_replaced(outcome: RunOutcome) -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()
    world.run_now(queue=True)
    task = world.run_now(replace=True, reason="stuck")
    assert (task.status, task.stop_reason) == (Status.STOPPING, StopReason.REPLACE)
    assert world.accept(RunNow(T, replace=True)).unchanged
    assert [one.cause for one in world.series.queue] == ["run_now", "schedule"]
    world.end("t", outcome, next=on())
    assert world.occurrence.cause == "run_now"
    world.succeed(next=on())
    assert world.occurrence.fire_at == nth(1)
    if outcome is RunOutcome.ABORTED:
        assert world.ends[0] == (RunOutcome.ABORTED, "replaced: stuck")


def test_tm_a45_a_paused_series_runs_exactly_once_and_stays_paused() -> None:
    world = Recurring()
    world.accept(PauseTask(T))
    due = world.series.next
    task = world.run_now()
    assert (task.status, task.desired) == (Status.UNASSIGNED, Desired.PAUSED)
    assert world.accept(RunNow(T)).unchanged
    world.accept(AssignTask(T, task.allocation_id, on()))
    task = world.succeed(next=on())
    assert (task.status, task.desired, world.series.next) == (Status.PAUSED, Desired.PAUSED, due)
    assert world.series.occurrence is None


def test_tm_29_paused_what_was_lost_or_failed_is_still_that_one_run() -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.accept(PauseTask(T))
    world.accept(AssignTask(T, world.run_now().allocation_id, on()))
    world.end("t", RunOutcome.LOST)
    assert world.task().status is Status.UNASSIGNED
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    task = world.fail(retry_at=world.at + 10)
    assert (task.status, task.desired, task.wake_at) == (
        Status.WAITING,
        Desired.PAUSED,
        world.at + 10,
    )
    world.at += 10
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert world.succeed().status is Status.PAUSED


def test_tm_29_paused_and_stopped_it_stays_paused() -> None:
    world = Recurring()
    world.accept(PauseTask(T))
    world.accept(AssignTask(T, world.run_now().allocation_id, on()))
    world.accept(PauseTask(T, reason="no, not now"))
    assert world.task().stop_reason is StopReason.PAUSE
    world.end("t", RunOutcome.ABORTED, reason="pause", next=on())
    assert (world.task().status, world.series.occurrence) == (Status.PAUSED, None)


def test_tm_29_a_manual_run_of_a_series_that_is_paused_later_is_stopped_like_any_other() -> None:
    world = Recurring()
    world.accept(AssignTask(T, world.run_now().allocation_id, on()))
    world.accept(PauseTask(T))
    world.end("t", RunOutcome.ABORTED, reason="pause", next=on())
    assert world.task().status is Status.PAUSED


def test_tm_29_running_while_paused_once_more_afterwards() -> None:
    """Its last run is left to finish, and somebody asks for one more: it is not dropped silently."""
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()
    world.accept(PauseTask(T, finish=True))
    world.run_now(queue=True)
    task = world.succeed(next=on())
    assert (task.status, task.cause) == (Status.ASSIGNED, "run_now")
    assert world.fates[-1] == (SKIPPED, "paused", nth(1))
    assert world.succeed().status is Status.PAUSED


def test_tm_29_resumed_meanwhile_it_is_a_run_like_any_other() -> None:
    world = Recurring()
    world.accept(PauseTask(T))
    world.accept(AssignTask(T, world.run_now().allocation_id, on()))
    world.accept(ResumeTask(T))
    world.accept(PauseTask(T, finish=True))
    world.end("t", RunOutcome.LOST)
    assert world.task().status is Status.PAUSED


def test_tm_29_all_is_paused() -> None:
    world = Recurring()
    world.accept(SetSettings((("assignment.enable", "none"),), by="ann"))
    refused = world.refuse(RunNow(T))
    said = "assignment is switched off by ann since 1970-01-01T00:16:40Z"
    assert (refused.code, refused.detail) == (Refusal.PAUSED, said)


def test_tm_29_terminal() -> None:
    world = Recurring()
    world.accept(CancelTask(T))
    assert world.refuse(RunNow(T)).code is Refusal.ALREADY_FINISHED
    running = Recurring()
    running.fire()
    running.accept(CancelTask(T))
    assert running.refuse(RunNow(T, queue=True)).code is Refusal.ALREADY_FINISHED


def test_tm_29_another_revision() -> None:
    world = Recurring()
    stale = RunNow(T, if_revision=world.task().revision + 1)
    assert world.refuse(stale).code is Refusal.REVISION_MISMATCH


# -- run now of a one-off -------------------------------------------------------------------------


def test_tm_29_one_off_waiting_for_its_time_or_its_next_attempt() -> None:
    world = with_task(spec=TaskSpec(due_at=AT + EVERY))
    assert world.task().status is Status.WAITING
    world.accept(RunNow(T))
    task = world.task()
    assert (task.status, task.due_at, task.cause) == (Status.UNASSIGNED, AT, "run_now")
    world.accept(AssignTask(T, task.allocation_id, on()))
    world.end("t", RunOutcome.FAILED, retry_at=AT + 10)
    world.accept(RunNow(T))
    assert (world.task().status, world.task().attempts) == (Status.UNASSIGNED, 1)
    assert world.accept(RunNow(T)).unchanged


def test_tm_29_one_off_paused() -> None:
    world = with_task(paused=True)
    assert world.refuse(RunNow(T)).code is Refusal.PAUSED


@pytest.mark.parametrize("wish", [RunNow(T, queue=True), RunNow(T, replace=True)])
def test_tm_29_one_off_that_is_paused_after_this_run_has_no_other(wish: RunNow) -> None:
    world = with_task()
    world.accept(PauseTask(T, finish=True))
    assert world.refuse(RunNow(T)).code is Refusal.ALREADY_RUNNING
    assert world.refuse(wish).code is Refusal.PAUSED
    world.end("t", RunOutcome.ABORTED)
    assert world.task().status is Status.PAUSED


@pytest.mark.parametrize("outcome", [RunOutcome.SUCCEEDED, RunOutcome.ABORTED, RunOutcome.LOST])
def test_tm_29_one_off_replaced_runs_once_afterwards(outcome: RunOutcome) -> None:
    world = with_task()
    world.accept(RunNow(T, replace=True))
    assert world.task().stop_reason is StopReason.REPLACE
    world.end("t", outcome, next=on())
    assert world.task().status is Status.ASSIGNED
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task().status is Status.SUCCEEDED


def test_tm_29_one_off_once_more_also_after_a_failure_for_good() -> None:
    world = with_task(policy=Policy(max_attempts=1))
    world.accept(RunNow(T, queue=True))
    assert world.accept(RunNow(T, queue=True)).unchanged
    world.end("t", RunOutcome.FAILED, permanent=True, reason="permanent", next=on())
    task = world.task()
    assert (task.status, task.cause, task.attempts) == (Status.ASSIGNED, "run_now", 0)
    world.end("t", RunOutcome.FAILED)
    assert world.task().status is Status.FAILED


def test_tm_29_one_off_moved_before_its_end_still_runs_once_more() -> None:
    world = with_task()
    world.accept(RunNow(T, queue=True))
    world.end("t", RunOutcome.ABORTED, reason="no disk", next=on())
    world.end("t", RunOutcome.SUCCEEDED, next=on())
    assert (world.task().status, world.task().cause) == (Status.ASSIGNED, "run_now")


def test_no_place_is_told_at_once() -> None:
    world = Recurring()
    world.accept(create("big", policy=Policy(cost=20), assignment=on()))
    task = world.fire()
    assert task.assignment == Assignment(code=Code.NO_CAPACITY, explanation="n1")
