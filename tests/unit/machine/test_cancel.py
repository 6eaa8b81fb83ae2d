from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import CancelTask, RemoveTask, UnassignTask
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model import limits
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.settings import SettingValue
from coordinator.model.tasks import Assignment, RunOutcome, Status
from tests.unit.machine.kit import AT, World, create, join, with_task

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
