"""How a run of a recurring task ends, and what that means for the series (TM-4, TM-36 to TM-40, PT-30)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import AssignTask, CancelRun, CancelTask, LoseNode, StopRun
from coordinator.model.ids import Incarnation, NodeName
from coordinator.model.schedules import NEVER
from coordinator.model.tasks import Backoff, Code, Desired, Policy, RunOutcome, Status, StopReason
from tests.unit.machine.kit import AT, on, with_task
from tests.unit.machine.recurring import SKIPPED, STARTED, WAITS, Recurring, T, nth


@pytest.mark.parametrize("outcome", [RunOutcome.SUCCEEDED, RunOutcome.WARNING])
def test_tm_36_returns(outcome: RunOutcome) -> None:
    world = Recurring()
    world.fire()
    world.fail()
    world.fire()
    world.end("t", outcome)
    task = world.task()
    assert (task.status, task.due_at, task.attempts) == (Status.WAITING, nth(2), 0)
    assert world.series.failures == 0


def test_tm_36_returns_having_logged_an_error() -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.fire()
    world.fail()
    world.fire()
    task = world.fail(permanent=True, reason="self_reported", retry_at=world.at + 10)
    assert (task.status, task.due_at, task.attempts) == (Status.WAITING, nth(2), 1)
    assert task.wake_at == 0


@pytest.mark.parametrize(
    "retry_at, expected", [(nth(1) - 1, nth(1) - 1), (nth(1), 0), (nth(5), 0), (AT - 5, AT)]
)
def test_tm_36_raises_a_retryable_error_with_a_time(retry_at: int, expected: int) -> None:
    world = Recurring()
    world.fire()
    task = world.fail(retry_at=retry_at, retry_given=True)
    assert (task.status, task.wake_at, task.attempts) == (Status.WAITING, expected, 1)
    if expected:
        assert (task.assignment.code, world.occurrence.fire_at) == (Code.BACKOFF, nth(0))
    else:
        assert (task.assignment.code, task.due_at) == (Code.NOT_DUE, nth(1))


def test_tm_a27_a_retryable_error_with_a_time_or_a_permanent_one_of_a_one_off() -> None:
    world = with_task()
    world.end("t", RunOutcome.FAILED, retry_at=AT + 77, retry_given=True)
    assert (world.task().status, world.task().wake_at) == (Status.WAITING, AT + 77)
    other = with_task()
    other.end("t", RunOutcome.FAILED, permanent=True, reason="permanent", retry_at=AT + 77)
    assert (other.task().status, other.task().end_reason) == (Status.FAILED, "permanent")


def test_tm_a24_a_one_off_that_always_raises_runs_three_times() -> None:
    world = with_task()
    waits = []
    while not world.task().is_terminal:
        world.end("t", RunOutcome.FAILED)
        task = world.task()
        if task.wake_at:
            waits.append(task.wake_at - world.at)
            world.at = task.wake_at
            world.accept(AssignTask(T, task.allocation_id, on()))
    assert waits == [30_000, 300_000], "the first exactly 30 s; the second at most 5 min"
    assert (world.task().status, world.task().end_reason) == (Status.FAILED, "attempts_exhausted")


def test_tm_a25_a_failing_series_keeps_its_cadence_and_never_exhausts() -> None:
    world = Recurring(Policy(max_attempts=3))
    for k in range(10):
        assert world.fire().due_at == nth(k)
        task = world.fail(retry_at=world.at + 1)
        assert (task.status, task.attempts, task.wake_at) == (Status.WAITING, k + 1, 0)
    world.fire()
    assert world.succeed().attempts == 0
    assert {fate[0] for fate in world.fates} == {STARTED}


def test_tm_a26_a_permanent_error_ends_the_series_and_keeps_the_record() -> None:
    world = Recurring()
    world.fire()
    task = world.fail(permanent=True, reason="permanent")
    assert (task.status, task.end_reason, task.attempts) == (Status.FAILED, "permanent", 1)
    assert (world.series.next.fire_at, world.series.occurrence) == (NEVER, None)
    assert world.state.next_fire() is None
    assert world.state.recurring == 0


def test_tm_53_tm_a38_state_that_cannot_be_read_leaves_the_series_scheduled() -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.fire()
    task = world.fail(permanent=True, reason="invalid_state", retry_at=world.at + 1)
    assert (task.status, task.due_at, task.wake_at) == (Status.WAITING, nth(1), 0)


def test_tm_36_over_the_limit_is_like_a_raise() -> None:
    world = Recurring()
    task = world.fire()
    world.begin()
    incarnation = task.assignment.incarnation
    assert incarnation is not None
    world.accept(StopRun(T, task.allocation_id, StopReason.TIMEOUT, incarnation))
    world.end("t", RunOutcome.SUCCEEDED)
    task = world.task()
    assert (task.status, task.attempts, task.due_at) == (Status.WAITING, 1, nth(1))
    assert world.ends[0][0] is RunOutcome.TIMED_OUT


def test_tm_36_lost_runs_again_at_once_within_the_same_occurrence() -> None:
    """PT-66: the first two at once, then the back-off; none of them is an attempt or another fate."""
    world = Recurring()
    world.fire()
    for losses in (1, 2):
        world.end("t", RunOutcome.LOST, next=on())
        assert (world.task().status, world.task().losses) == (Status.ASSIGNED, losses)
    world.end("t", RunOutcome.LOST)
    task = world.task()
    assert (task.status, task.wake_at, task.attempts) == (Status.WAITING, world.at + 30_000, 0)
    assert (world.occurrence.fire_at, world.fates) == (nth(0), [(STARTED, "", nth(0))])
    world.at = task.wake_at
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert world.succeed().losses == 0


def test_tm_36_lost_with_its_node() -> None:
    world = Recurring()
    world.fire()
    world.accept(LoseNode(NodeName("n1"), Incarnation("1-n1")))
    task = world.task()
    assert (task.status, task.assignment.code, task.attempts) == (
        Status.UNASSIGNED,
        Code.NODE_LOST,
        0,
    )
    assert world.occurrence.fire_at == nth(0)


def test_on_lost_fail_gives_up_the_occurrence_not_the_series() -> None:
    world = Recurring(Policy(on_lost="fail"))
    world.fire()
    world.end("t", RunOutcome.LOST)
    task = world.task()
    assert (task.status, task.due_at, task.attempts) == (Status.WAITING, nth(1), 0)
    assert world.series.failures == 1


def test_tm_40_handed_back_is_no_attempt() -> None:
    world = Recurring()
    world.fire()
    world.end("t", RunOutcome.ABORTED, handed_back=True, reason="no_capacity")
    task = world.task()
    assert (task.status, task.assignment.code, task.attempts) == (
        Status.UNASSIGNED,
        Code.NO_CAPACITY,
        0,
    )
    assert world.occurrence.fire_at == nth(0)


def test_tm_38_a_failed_occurrence_is_tried_again_before_the_next() -> None:
    world = Recurring(Policy(within_occurrence=True, backoff=Backoff("fixed", 1_000)))
    world.fire()
    for attempts in (1, 2):
        task = world.fail(retry_at=world.at + 1_000)
        assert (task.status, task.assignment.code) == (Status.WAITING, Code.BACKOFF)
        assert (world.occurrence.attempts, task.attempts) == (attempts, attempts)
        world.at = task.wake_at
        world.accept(AssignTask(T, task.allocation_id, on()))
    task = world.fail(retry_at=world.at + 1_000)
    assert (task.status, task.assignment.code, task.attempts) == (Status.WAITING, Code.NOT_DUE, 3)
    world.fire()
    task = world.fail(retry_at=world.at + 1_000)
    assert (world.occurrence.attempts, task.attempts) == (1, 4), "attempts of this occurrence"


def test_tm_38_not_if_the_back_off_would_end_after_the_next_fire_time() -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.fire()
    task = world.fail(retry_at=nth(1))
    assert (task.assignment.code, task.due_at) == (Code.NOT_DUE, nth(1))


def test_tm_38_without_a_drawn_instant_the_longest_wait_is_in_force() -> None:
    world = Recurring(Policy(within_occurrence=True), every_ms=86_400_000)
    world.fire(nth(2_880))
    assert world.fail().wake_at == world.at + 30_000


def test_tm_38_after_the_last_fire_time_nothing_is_in_the_way() -> None:
    world = Recurring(Policy(within_occurrence=True, max_attempts=2))
    world.fire(next_at=0)
    task = world.fail(retry_at=world.at + 10**9)
    assert task.wake_at == world.at + 10**9
    world.at = task.wake_at
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert world.fail().status is Status.SUCCEEDED


def test_tm_39_a_run_that_lasted_long_begins_the_row_anew() -> None:
    world = Recurring(Policy(reset_after_ms=5_000, within_occurrence=True, max_attempts=2))
    world.fire()
    for expected in (1, 1, 1):
        world.fail(lasted_ms=5_000, retry_at=world.at + 1)
        assert (world.task().attempts, world.occurrence.attempts) == (expected, expected)
        world.at += 1
        world.accept(AssignTask(T, world.task().allocation_id, on()))
    task = world.fail(lasted_ms=4_999, retry_at=world.at + 1)
    assert (task.attempts, task.assignment.code) == (2, Code.NOT_DUE)


def test_tm_39_of_a_one_off() -> None:
    world = with_task(policy=Policy(reset_after_ms=5_000, max_attempts=2))
    for lasted_ms, attempts in ((5_000, 1), (5_000, 1), (10, 2)):
        world.end("t", RunOutcome.FAILED, lasted_ms=lasted_ms, retry_at=world.at)
        assert world.task().attempts == attempts
        if not world.task().is_terminal:
            world.accept(AssignTask(T, world.task().allocation_id, on()))
    assert world.task().status is Status.FAILED


def test_pause_after_failures_counts_occurrences_in_a_row() -> None:
    policy = Policy(within_occurrence=True, max_attempts=2, backoff=Backoff("fixed", 1))
    world = Recurring(policy, pause_after_failures=2)

    def fail_twice() -> None:
        world.fire()
        world.fail(retry_at=world.at + 1)
        world.at += 1
        world.accept(AssignTask(T, world.task().allocation_id, on()))
        world.fail(retry_at=world.at + 1)

    fail_twice()
    assert (world.task().status, world.series.failures) == (Status.WAITING, 1)
    world.fire()
    world.succeed()
    fail_twice()
    assert (world.task().desired, world.series.failures) == (Desired.RUNNING, 1)
    fail_twice()
    task = world.task()
    assert (task.status, task.desired, task.assignment.explanation) == (
        Status.PAUSED,
        Desired.PAUSED,
        "2 failures in a row",
    )


def test_g9_a_fire_time_that_came_before_the_series_paused_itself_has_its_fate() -> None:
    world = Recurring(pause_after_failures=1)
    world.fire()
    world.at = nth(1)
    assert world.fail().status is Status.PAUSED
    assert world.fates == [(STARTED, "", nth(0)), (SKIPPED, "paused", nth(1))]
    other = Recurring()
    other.fire()
    other.at = nth(1)
    assert other.succeed(then="pause").status is Status.PAUSED
    assert other.fates == world.fates


def test_pt_30_cancelling_a_run_goes_on_to_the_next_due_time() -> None:
    world = Recurring(overlap="queue_one")
    task = world.fire()
    world.begin()
    world.accept(CancelRun(T, task.allocation_id, reason="wrong day"))
    assert world.task().status is Status.STOPPING
    world.end("t", RunOutcome.SUCCEEDED)
    task = world.task()
    assert (task.status, task.due_at, task.desired) == (Status.WAITING, nth(1), Desired.RUNNING)
    assert world.ends == [(RunOutcome.CANCELLED, "cancelled, goes on by its schedule: wrong day")]


def test_pt_30_cancelling_a_run_with_another_held_behind_it() -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()
    world.accept(CancelRun(T, rerun=True))
    world.end("t", RunOutcome.ABORTED)
    assert (world.task().status, world.occurrence.fire_at) == (Status.UNASSIGNED, nth(1))


def test_g10_cancelling_the_series_is_final_and_withdraws_what_is_held() -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()
    world.accept(CancelTask(T))
    assert world.task().status is Status.STOPPING
    world.end("t", RunOutcome.SUCCEEDED, again_at=AT + 5, next=on())
    assert (world.task().status, world.series.queue) == (Status.CANCELLED, ())
    assert world.fates[-1] == (SKIPPED, "cancelled", nth(1))


def test_a_cancelled_occurrence_without_a_place_has_its_fate() -> None:
    world = Recurring()
    world.fire(assignment=WAITS)
    world.accept(CancelTask(T))
    assert world.fates == [(SKIPPED, "cancelled", nth(0))]
