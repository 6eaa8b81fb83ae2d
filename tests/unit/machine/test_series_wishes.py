"""Callers pause, resume and edit a recurring task, in every status (TM-22 to TM-27, TM-34)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import AssignTask, CancelTask, PauseTask, ResumeTask, TimeSeries
from coordinator.machine.outcome import Refusal
from coordinator.model.ids import Incarnation
from coordinator.model.schedules import Fate, Firing, Schedule
from coordinator.model.tasks import Code, Desired, Policy, RunOutcome, Status, StopReason, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, on
from tests.unit.machine.recurring import EVERY, SKIPPED, STARTED, WAITS, Recurring, T, nth

HOURLY = Schedule(every_ms=3_600_000)
LIFE = Incarnation("1-n1")


def paused_while_waiting(until: int) -> Recurring:
    """Paused before its first fire time, and the clock is at that of number `until`."""
    world = Recurring(timed=False)
    world.time(nth(1))
    world.accept(PauseTask(T))
    world.at = nth(until)
    return world


# -- pause ----------------------------------------------------------------------------------------


def test_g9_a_fire_time_that_a_wish_overtook_has_its_fate() -> None:
    """It came while the series was enabled, a moment before the wish, and the leader had not said a word of it yet."""
    late = nth(0) + 1
    for wish, reason in ((PauseTask(T), "paused"), (CancelTask(T), "cancelled")):
        world = Recurring()
        before = world.firing()
        world.at = late
        world.accept(wish)
        assert world.fates == [(SKIPPED, reason, nth(0))]
        assert world.refuse(before).code is Refusal.CHOICE_STALE
    world = Recurring()
    world.at = late
    world.accept(PauseTask(T))
    world.accept(ResumeTask(T))
    assert world.task().cause == "resumed", "one has passed"
    assert len(world.fates) == 1


def test_tm_a21_a_paused_series_never_starts() -> None:
    world = paused_while_waiting(3)
    assert world.state.next_fire() is None
    assert (world.task().status, world.task().assignment.code) == (Status.PAUSED, Code.PAUSED)
    assert world.fates == [], "a paused series has none"


def test_tm_26_paused_while_pending_the_occurrence_is_withdrawn() -> None:
    world = Recurring()
    world.fire(assignment=WAITS)
    world.accept(PauseTask(T, reason="audit"))
    assert (world.task().status, world.series.occurrence) == (Status.PAUSED, None)
    assert world.fates == [(SKIPPED, "paused", nth(0))]


def test_tm_26_paused_while_pending_with_others_behind_it() -> None:
    world = Recurring(overlap="queue_one")
    world.fire(assignment=WAITS)
    world.fire()
    world.accept(PauseTask(T))
    assert world.stored == [Fate(SKIPPED, "paused", nth(0), nth(1), 2)]
    assert world.series.queue == ()


def test_tm_26_paused_while_it_waits_for_its_next_attempt() -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.fire()
    world.fail(retry_at=world.at + 10)
    world.accept(PauseTask(T))
    task = world.task()
    assert (task.status, task.wake_at, task.attempts) == (Status.PAUSED, 0, 1)
    assert (world.series.occurrence, world.fates) == (None, [(STARTED, "", nth(0))])


def test_tm_26_a_run_that_is_left_to_finish_and_then_nothing() -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()
    world.accept(PauseTask(T, finish=True, reason="audit"))
    assert world.task().status is Status.ASSIGNED
    task = world.succeed(next=on())
    assert (task.status, task.due_at, world.series.occurrence) == (Status.PAUSED, nth(2), None)
    assert world.fates[-1] == (SKIPPED, "paused", nth(1))


@pytest.mark.parametrize("outcome", [RunOutcome.ABORTED, RunOutcome.FAILED, RunOutcome.LOST])
@pytest.mark.parametrize("finish", [False, True])
def test_tm_26_however_the_last_run_ends_the_series_is_paused(
    outcome: RunOutcome, *, finish: bool
) -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.fire()
    world.accept(PauseTask(T, finish=finish))
    if not finish:
        assert world.task().stop_reason is StopReason.PAUSE
    world.end("t", outcome, next=on(), retry_at=world.at + 10)
    task = world.task()
    assert (task.status, task.wake_at) == (Status.PAUSED, 0)
    assert world.series.occurrence is None
    counts = finish and outcome is RunOutcome.FAILED
    assert task.attempts == (1 if counts else 0)
    if outcome is not RunOutcome.LOST and not finish:
        assert world.ends == [(RunOutcome.ABORTED, "paused")]


def test_tm_26_a_stopped_run_that_still_succeeds_has_succeeded() -> None:
    world = Recurring()
    world.fire()
    world.accept(PauseTask(T))
    assert world.succeed().status is Status.PAUSED
    assert world.ends == [(RunOutcome.SUCCEEDED, "")]


def test_a_paused_interval_that_counts_from_its_runs_goes_on_after_its_resumption() -> None:
    world = Recurring(count_from="end")
    world.fire(next_at=0)
    world.accept(PauseTask(T))
    world.end("t", RunOutcome.ABORTED, reason="pause")
    assert world.series.next == Firing(world.at + EVERY, world.at + EVERY)
    pending = Recurring(count_from="end")
    pending.fire(0, assignment=WAITS)
    pending.accept(PauseTask(T))
    pending.accept(ResumeTask(T))
    assert pending.series.needs == "resumed", "there was no run to count from"


def test_a_paused_series_without_a_fire_time_left_ends_when_it_is_resumed() -> None:
    world = Recurring(timed=False)
    world.accept(PauseTask(T))
    assert world.state.next_fire() == 1, "the leader says what comes next of a paused one as well"
    world.time(0)
    assert world.task().status is Status.PAUSED
    world.accept(ResumeTask(T))
    world.time(0)
    assert (world.task().status, world.task().end_reason) == (Status.SUCCEEDED, "schedule_ended")


# -- resume ---------------------------------------------------------------------------------------


def test_tm_a46_what_missed_many_times_while_paused_runs_once_at_once() -> None:
    world = paused_while_waiting(5)
    world.accept(ResumeTask(T))
    task = world.task()
    assert (task.status, task.cause, task.due_at) == (Status.UNASSIGNED, "resumed", world.at)
    assert (world.series.needs, world.series.since) == ("resumed", nth(5))
    world.time(nth(6))
    world.accept(AssignTask(T, task.allocation_id, on()))
    assert world.succeed().due_at == nth(6)
    assert world.fates == [], "those that passed meanwhile have none"
    world.fire()
    assert world.stored == [Fate(STARTED, "", nth(6), nth(6))]


def test_tm_27_without_catching_up_it_waits_for_the_next_one() -> None:
    world = paused_while_waiting(5)
    world.accept(ResumeTask(T, no_catch_up=True))
    assert (world.task().status, world.series.needs) == (Status.WAITING, "resumed")
    world.time(nth(6))
    assert world.task().due_at == nth(6)


def test_tm_27_if_none_passed_it_waits_for_the_one_that_was_next() -> None:
    world = Recurring()
    world.fire()
    world.succeed()
    world.accept(PauseTask(T))
    world.at += 5
    world.accept(ResumeTask(T))
    task = world.task()
    assert (task.status, task.due_at, world.series.needs) == (Status.WAITING, nth(1), "")
    world.fire()
    assert world.stored == [Fate(STARTED, "", nth(0), nth(1), 2)], "nothing is between them"


def test_tm_27_a_fire_time_that_is_due_later_by_its_jitter_still_comes() -> None:
    world = Recurring(timed=False, jitter_ms=10_000)
    due = Firing(nth(0), nth(0) + 10_000)
    world.accept(TimeSeries(T, 0, AT, AT, due))
    world.accept(PauseTask(T))
    world.at += 5_000
    world.accept(ResumeTask(T))
    assert (world.series.next, world.series.needs) == (due, "")
    assert world.task().due_at == nth(0) + 10_000


def test_tm_27_resumed_before_its_last_run_has_ended() -> None:
    world = Recurring()
    world.fire()
    world.accept(PauseTask(T))
    world.at = nth(2)
    world.accept(ResumeTask(T))
    assert (world.task().status, world.series.needs) == (Status.STOPPING, "resumed")
    world.time(nth(3))
    world.end("t", RunOutcome.ABORTED, reason="pause", next=on())
    assert (world.task().status, world.occurrence.fire_at) == (Status.ASSIGNED, nth(0))
    assert world.succeed().due_at == nth(3)


def test_resumed_twice_or_while_running_changes_nothing() -> None:
    world = Recurring()
    assert world.accept(ResumeTask(T)).unchanged
    world.fire()
    assert world.accept(ResumeTask(T)).unchanged


def test_a_series_created_paused_is_timed_and_runs_at_once_when_it_is_resumed_late() -> None:
    world = World()
    world.accept(join())
    world.accept(create(spec=TaskSpec(schedule=HOURLY), paused=True))
    task = world.task()
    assert (task.status, task.desired) == (Status.PAUSED, Desired.PAUSED)
    assert task.series is not None
    assert (task.series.needs, world.state.next_fire()) == ("first", 1)
