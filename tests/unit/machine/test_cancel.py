from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import (
    CancelRun,
    CancelTask,
    LoseNode,
    PauseTask,
    RemoveTask,
    UnassignTask,
    UpdateTask,
)
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model import limits
from coordinator.model.ids import AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.settings import SettingValue
from coordinator.model.tasks import Assignment, Policy, RunOutcome, Status, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, on, with_task
from tests.unit.machine.recurring import Recurring

T = TaskId("t")


def test_cancelling_without_a_node_takes_no_allocation_id() -> None:
    world = World()
    world.accept(create(assignment=Assignment()))
    assert world.accept(CancelTask(T)) == Accepted(T, AllocationId(1))
    assert (world.task().status, world.task().finished_at) == (Status.CANCELLED, AT)
    assert world.task().expires_at == AT + limits.RETENTION_FAILED_MS


def test_the_first_ask_to_stop_is_the_one_that_is_timed() -> None:
    world = with_task()
    world.accept(UnassignTask(T, AllocationId(1)))
    world.at += 50
    world.accept(CancelTask(T))
    assert world.task().stopping_since == AT


def test_a_removal_names_the_revision_it_saw() -> None:
    world = with_task()
    assert world.refuse(RemoveTask(T, 1)).code is Refusal.REVISION_MISMATCH
    assert world.refuse(RemoveTask(T, 2)).code is Refusal.NOT_FINISHED


def test_the_removed_record_is_in_the_answer() -> None:
    world = with_task()
    world.end("t", RunOutcome.SUCCEEDED)
    task = world.task()
    answer = world.accept(CancelTask(T, purge=True))
    assert (answer.removed, answer.record) == (True, task)


@pytest.mark.parametrize("outcome", [RunOutcome.SUCCEEDED, RunOutcome.FAILED])
def test_too_many_finished_records_may_go_before_their_time(
    outcome: RunOutcome,
) -> None:
    world = World()
    world.accept(join())
    for name in ("t", "u"):
        world.accept(create(name))
        world.end(name, outcome, permanent=True)
    for key in ("retention.succeeded", "retention.failed"):
        world.state.settings.values[key] = SettingValue("30d/1", "ann", 1)
    assert world.accept(RemoveTask(T, world.task().revision)).removed
    left = world.task("u")
    assert world.refuse(RemoveTask(left.id, left.revision)).code is Refusal.CHOICE_STALE


def test_a_cancel_reaches_past_any_number_of_generations_that_have_ended() -> None:
    world = with_task()
    world.end("t", RunOutcome.SUCCEEDED)
    over, parent = world.task(), "root"
    world.accept(create("root"))
    world.accept(create("youngest", assignment=Assignment()))
    for n in range(2_000):
        spec = replace(over.spec, parent=parent)
        parent = f"g{n}"
        now, number = world.state.revision, world.state.next_allocation_id()
        record = replace(over, id=TaskId(parent), spec=spec, allocation_id=number)
        world.state.put_task(replace(record, revision=now, created_revision=now))
    youngest = world.task("youngest")
    world.state.put_task(replace(youngest, spec=replace(youngest.spec, parent=parent)))
    world.accept(CancelTask(TaskId("root")))
    assert world.task("youngest").status is Status.CANCELLED


def test_tm_1_the_grace_of_one_cancel_is_not_that_of_the_runs_after_it() -> None:
    world = Recurring(Policy(cancel_grace_ms=7_000))
    world.fire()
    world.accept(CancelRun(T, grace_ms=0))
    assert world.task().policy.cancel_grace_ms == 0
    world.end("t", RunOutcome.CANCELLED)
    world.fire()
    world.accept(PauseTask(T))
    assert world.task().policy == Policy(cancel_grace_ms=7_000)


@pytest.mark.parametrize("is_lost", [False, True])
def test_pt_30_the_run_in_place_of_a_cancelled_one_has_its_own_grace(*, is_lost: bool) -> None:
    world = with_task()
    world.accept(CancelRun(T, rerun=True, grace_ms=700))
    world.accept(CancelRun(T, rerun=True, grace_ms=0))  # who is in a hurry may say so
    assert world.task().policy == Policy(cancel_grace_ms=0)
    if is_lost:
        world.accept(LoseNode(NodeName("n1"), Incarnation("1-n1")))
    else:
        world.end("t", RunOutcome.CANCELLED, next=on())
    assert (world.task().policy, world.task().next_policy) == (Policy(), None)


def test_pt_33_an_edit_after_the_cancel_counts_for_the_run_after_it() -> None:
    world, edited = with_task(), Policy(priority=9, cancel_grace_ms=5_000)
    world.accept(CancelRun(T, rerun=True, grace_ms=0))
    world.accept(UpdateTask(T, 0, spec=TaskSpec(priority=9), policy=edited))
    assert world.task().policy == Policy(priority=9, cancel_grace_ms=0)
    world.end("t", RunOutcome.CANCELLED)
    assert world.task().policy == edited
