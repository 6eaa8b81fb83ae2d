"""Callers edit the schedule of a task, in every status, and the record knows who set what (TM-23 to TM-25, TM-34)."""

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
    UpdateTask,
    WriteState,
)
from coordinator.machine.outcome import Refusal
from coordinator.model.events import Fated
from coordinator.model.ids import Incarnation, NodeName
from coordinator.model.schedules import Fate, Firing, Schedule
from coordinator.model.tasks import Code, Policy, RunOutcome, Status, TaskSpec
from tests.unit.machine.kit import AT, join, on, with_task
from tests.unit.machine.recurring import EVERY, MISSED, SKIPPED, STARTED, WAITS, Recurring, T, nth

HOURLY = Schedule(every_ms=3_600_000)
LIFE = Incarnation("1-n1")


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


def test_tm_25_what_is_late_by_then_goes_by_the_misfire_policy_it_had() -> None:
    missing = Recurring(misfire="skip", misfire_grace_ms=5)
    missing.at = nth(0) + 6
    assert missing.edit(HOURLY).status is Status.WAITING
    assert missing.fates == [(MISSED, "misfire", nth(0))]
    catching_up = Recurring(misfire="all")
    catching_up.fire()
    catching_up.at = nth(1) + 60_001
    catching_up.edit(HOURLY)
    assert catching_up.held == [nth(1)]


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
    world = Recurring(timed=False)
    world.time(nth(1))
    world.accept(PauseTask(T))
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
