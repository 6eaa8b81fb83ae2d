"""Callers pause, resume and edit a recurring task, in every status (TM-22 to TM-27, TM-34)."""

from __future__ import annotations

import pytest

from coordinator.machine.commands import (
    AssignTask,
    CancelTask,
    DrainNode,
    LoseNode,
    PauseTask,
    ResumeTask,
    RetryTask,
    TimeSeries,
    UpdateTask,
    WriteState,
)
from coordinator.machine.outcome import Refusal
from coordinator.model.events import Fated
from coordinator.model.ids import Incarnation, NodeName
from coordinator.model.schedules import Fate, Firing, Schedule
from coordinator.model.tasks import (
    Code,
    Desired,
    Policy,
    RunOutcome,
    Status,
    StopReason,
    TaskSpec,
)
from tests.unit.machine.kit import AT, World, create, join, on, with_task
from tests.unit.machine.recurring import (
    EVERY,
    SKIPPED,
    STARTED,
    WAITS,
    Recurring,
    T,
    nth,
)

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


# -- edit -----------------------------------------------------------------------------------------


def test_tm_a43_the_leader_is_asked_what_comes_next_and_knows_the_last_one() -> None:
    """What that is by the new interval is the timetable's to say: here, that it is due now."""
    world = Recurring()
    world.fire()
    world.succeed()
    world.at += 13_000
    world.edit(Schedule(every_ms=12_000))
    assert (world.series.needs, world.series.since) == ("edited", world.at)
    assert (world.series.handled, world.state.next_fire()) == (nth(0), 1)
    world.time(world.at)
    task = world.fire(world.at + 12_000)
    assert (task.status, task.due_at) == (Status.ASSIGNED, nth(0) + 13_000)


def test_tm_25_what_is_due_already_is_not_withdrawn() -> None:
    world = Recurring(overlap="queue_one")
    world.fire(assignment=WAITS)
    world.fire()
    task = world.edit(HOURLY)
    assert (task.status, world.occurrence.fire_at, world.held) == (
        Status.UNASSIGNED,
        nth(0),
        [nth(1)],
    )
    world.accept(AssignTask(T, task.allocation_id, on()))
    world.succeed(next=on())
    assert world.fates == [(STARTED, "", nth(0)), (STARTED, "", nth(1))]
    assert len(world.stored) == 1


def test_tm_25_what_is_due_and_was_not_handled_yet_is_not_withdrawn_either() -> None:
    world = Recurring()
    before = world.firing()
    world.at = nth(0) + 1
    task = world.edit(HOURLY)
    assert (task.status, task.due_at, world.occurrence.fire_at) == (
        Status.UNASSIGNED,
        nth(0),
        nth(0),
    )
    assert (world.series.needs, world.series.handled) == ("edited", nth(0))
    assert world.refuse(before).code is Refusal.CHOICE_STALE
    running = Recurring(overlap="replace")
    running.fire()
    running.at = nth(1)
    task = running.edit(HOURLY)
    assert (task.status, task.spec.schedule, running.held) == (Status.STOPPING, HOURLY, [nth(1)])
    skipping = Recurring()
    skipping.fire()
    skipping.at = nth(1)
    skipping.edit(None)
    assert skipping.fates[-1] == (SKIPPED, "overlap", nth(1))


def test_tm_25_before_the_leader_has_said_anything_it_stays_a_first_time() -> None:
    world = Recurring(timed=False)
    world.edit(HOURLY)
    assert world.series.needs == "first"


def test_tm_24_an_edit_during_a_run_takes_effect_after_it() -> None:
    world = Recurring()
    world.fire()
    world.accept(WriteState(T, world.task().allocation_id, LIFE, 1, b"7", 1))
    world.edit(HOURLY)
    world.time(nth(0) + 3_600_000)
    task = world.succeed()
    assert (task.due_at, task.state) == (nth(0) + 3_600_000, b"7")


def test_an_edit_of_something_else_asks_nobody() -> None:
    world = Recurring()
    task = world.edit(Schedule(every_ms=EVERY), priority=7)
    assert (world.series.needs, world.series.next) == ("", Firing(nth(0), nth(0)))
    assert task.set_by == (("policy", "operator"),)


def test_an_edit_while_paused_counts_what_passes_until_its_resumption() -> None:
    world = paused_while_waiting(0)
    world.edit(Schedule(every_ms=1_000))
    world.time(nth(0) + 1_000)
    assert world.task().status is Status.PAUSED
    world.at += 1_000
    world.accept(ResumeTask(T))
    assert world.task().cause == "resumed"


@pytest.mark.parametrize("due_at", [None, AT + EVERY])
def test_from_a_one_off_that_waits_or_is_paused(due_at: int | None) -> None:
    world = with_task(spec=TaskSpec(due_at=AT + EVERY))
    edited = UpdateTask(T, 0, spec=TaskSpec(due_at=due_at, schedule=HOURLY), policy=Policy())
    world.accept(edited)
    task = world.task()
    assert task.series is not None
    assert (task.status, task.wake_at, task.series.needs) == (Status.WAITING, 0, "first")
    paused = with_task(paused=True)
    paused.accept(edited)
    assert paused.task().status is Status.PAUSED


def test_from_a_one_off_that_runs_or_is_due() -> None:
    world = with_task()
    world.accept(UpdateTask(T, 0, spec=TaskSpec(schedule=HOURLY), policy=Policy()))
    series = world.task().series
    assert series is not None
    assert series.occurrence is not None
    assert (series.occurrence.cause, series.occurrence.fire_at) == ("start", 0)
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task().status is Status.WAITING
    assert not any(isinstance(event, Fated) for event in world.state.events)


def test_from_a_one_off_that_waits_for_its_node() -> None:
    """PT-72: it is due, and its node is expected back."""
    world = with_task()
    world.accept(DrainNode(NodeName("n1"), "restart", "kernel", "ann", hold=60_000))
    world.accept(LoseNode(NodeName("n1"), LIFE, left=True))
    assert world.task().assignment.code is Code.HELD_FOR_NODE
    world.accept(UpdateTask(T, 0, spec=TaskSpec(schedule=HOURLY), policy=Policy()))
    task = world.task()
    assert (task.status, task.assignment.code) == (Status.WAITING, Code.HELD_FOR_NODE)
    assert task.series is not None
    assert task.series.occurrence is not None
    world.accept(join(counter=2))
    world.accept(AssignTask(T, task.allocation_id, on(counter=2)))
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task().status is Status.WAITING


def test_to_a_one_off_while_it_waits() -> None:
    world = Recurring(timed=False)
    world.time(nth(1))
    task = world.edit(None)
    assert (task.status, task.series, task.due_at) == (Status.UNASSIGNED, None, 0)
    later = Recurring(timed=False)
    later.time(nth(1))
    task = later.edit(None, due_at=AT + 77)
    assert (task.status, task.wake_at, task.due_at) == (Status.WAITING, AT + 77, AT + 77)


def test_to_a_one_off_while_it_is_paused() -> None:
    world = Recurring()
    world.accept(PauseTask(T))
    assert world.edit(None).status is Status.PAUSED
    world.accept(ResumeTask(T))
    assert world.task().status is Status.UNASSIGNED, "due now, not when the series would have been"


def test_to_a_one_off_while_it_is_due() -> None:
    """It runs as the one-off; the fire times that nothing else will come of have their fate."""
    world = Recurring(overlap="queue_one")
    world.fire(assignment=WAITS)
    world.fire()
    task = world.edit(None)
    assert (task.status, task.series) == (Status.UNASSIGNED, None)
    assert world.stored == [Fate(SKIPPED, "edited", nth(0), nth(1), 2)]


def test_to_a_one_off_while_it_runs() -> None:
    world = Recurring(overlap="queue_one")
    world.fire()
    world.fire()
    world.edit(None)
    assert world.fates[-1] == (SKIPPED, "edited", nth(1))
    assert world.succeed().status is Status.SUCCEEDED


def test_to_a_one_off_and_back_its_fates_are_numbered_on() -> None:
    """Their rows are kept by task and number: none takes the place of an earlier one."""
    world = Recurring()
    world.fire()
    world.succeed()
    world.edit(None, due_at=AT + 10**6)
    world.edit(HOURLY)
    world.time(nth(2))
    world.fire()
    numbers = [event.number for event in world.state.events if isinstance(event, Fated)]
    assert numbers == [1, 2]


def test_to_a_one_off_while_it_waits_for_its_next_attempt() -> None:
    world = Recurring(Policy(within_occurrence=True))
    world.fire()
    world.fail(retry_at=AT + 10)
    task = world.edit(None)
    assert (task.status, task.wake_at) == (Status.WAITING, AT + 10)


# -- who set it (TM-23) and clearing the state (TM-34) ---------------------------------------------


def test_tm_23_the_record_remembers_who_set_what_last() -> None:
    world = Recurring()
    assert world.task().set_by == ()
    world.accept(UpdateTask(T, 0, params=b'{"x":1}', executor_version=1))
    world.edit(HOURLY)
    world.accept(PauseTask(T))
    marks = (("params", "operator"), ("paused", "operator"), ("schedule", "operator"))
    assert world.task().set_by == marks
    edited = world.task().edited_revision
    spec = TaskSpec(schedule=Schedule(every_ms=EVERY))
    world.accept(UpdateTask(T, edited, spec=spec, policy=Policy(), origin="code"))
    world.accept(ResumeTask(T, origin="code"))
    assert world.task().set_by == (("params", "operator"),)


def test_tm_34_state_is_cleared_when_no_run_exists_any_more() -> None:
    world = Recurring()
    world.fire()
    world.accept(WriteState(T, world.task().allocation_id, LIFE, 1, b"7", 1))
    world.accept(PauseTask(T, clear_state=True))
    assert (world.task().state, world.task().clear_state) == (b"7", True)
    more = {"has_final_state": True, "final_state": b"8", "final_state_seq": 2}
    world.end("t", RunOutcome.ABORTED, reason="pause", **more)
    task = world.task()
    assert (task.status, task.state, task.clear_state) == (Status.PAUSED, None, False)
    assert (task.state_allocation_id, task.state_version) == (0, 0)


def test_tm_34_without_a_run_at_once() -> None:
    world = with_task()
    world.accept(WriteState(T, world.task().allocation_id, LIFE, 1, b"7", 1))
    world.end("t", RunOutcome.FAILED, retry_at=AT + 10)
    world.accept(PauseTask(T))
    assert world.task().state == b"7"
    world.accept(PauseTask(T, clear_state=True))
    assert (world.task().state, world.task().status) == (None, Status.PAUSED)
    assert world.accept(PauseTask(T, clear_state=True)).unchanged


def test_a_cancelled_series_can_neither_be_paused_nor_retried() -> None:
    world = Recurring()
    world.accept(CancelTask(T))
    for wish in (PauseTask(T), ResumeTask(T), RetryTask(T)):
        world.refuse(wish)
    assert (world.state.next_fire(), world.state.recurring) == (None, 0)
