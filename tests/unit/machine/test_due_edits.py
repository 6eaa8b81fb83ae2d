"""Callers move the due time of a task that runs once, in every status (TM-20, TM-24); what else it waits for stays."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coordinator.machine.commands import AssignTask, DrainNode, LoseNode, PauseTask, UpdateTask
from coordinator.model.ids import Incarnation, NodeName, TaskId
from coordinator.model.instants import Instant
from coordinator.model.tasks import Assignment, Code, RunOutcome, Status, Task, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, with_task

V = TaskId("v")
NOWHERE = Assignment(code=Code.NO_CAPACITY, explanation="n1")
LATER = AT + 5_000


def due(world: World, due_at: Instant | None, task_id: str = "v") -> Task:
    """The record after an edit of its due time alone."""
    task = world.task(task_id)
    spec = replace(task.spec, due_at=due_at)
    world.accept(UpdateTask(task.id, task.edited_revision, spec=spec))
    assert world.task(task_id).spec.due_at == due_at
    return world.task(task_id)


def told(task: Task) -> tuple[Status, Code, Instant]:
    return task.status, task.assignment.code, task.wake_at


def waiting_for_t(**spec: Any) -> World:
    world = with_task()
    world.accept(create("v", spec=TaskSpec(after=("t",), **spec)))
    return world


@pytest.mark.parametrize("due_at", [None, 1, AT, LATER])
def test_tm_67_another_due_time_does_not_make_a_task_forget_whom_it_waits_for(
    due_at: Instant | None,
) -> None:
    world = waiting_for_t(due_at=AT + 9_000)
    task = due(world, due_at)
    assert (told(task), task.assignment.explanation) == (
        (Status.WAITING, Code.DEPENDENCY, 0),
        "t",
    )
    world.refuse(AssignTask(V, task.allocation_id, NOWHERE))
    world.end("t", RunOutcome.SUCCEEDED)
    if due_at == LATER:
        assert told(world.task("v")) == (Status.WAITING, Code.NOT_DUE, LATER)
    else:
        assert world.task("v").status is Status.UNASSIGNED


def test_tm_67_a_due_time_that_passes_while_it_waits_for_others_is_the_past() -> None:
    world = waiting_for_t()
    due(world, LATER)
    world.at = LATER + 1
    assert world.state.next_wake() is None
    world.end("t", RunOutcome.SUCCEEDED)
    assert world.task("v").status is Status.UNASSIGNED


@pytest.mark.parametrize("due_at", [None, 1, AT, AT + 59_999, AT + 60_000])
def test_tm_37_an_earlier_due_time_does_not_shorten_a_back_off(due_at: Instant | None) -> None:
    world = with_task(spec=TaskSpec(due_at=5))
    world.end("t", RunOutcome.FAILED, retry_at=AT + 60_000)
    assert told(due(world, due_at, "t")) == (Status.WAITING, Code.BACKOFF, AT + 60_000)


def test_tm_20_a_due_time_after_the_back_off_is_respected() -> None:
    world = with_task()
    world.end("t", RunOutcome.FAILED, retry_at=AT + 60_000)
    task = due(world, AT + 60_001, "t")
    assert told(task) == (Status.WAITING, Code.NOT_DUE, AT + 60_001)
    assert task.attempts == 1


def held() -> World:
    """`t` waits for n1, which restarts."""
    world = with_task()
    world.accept(DrainNode(NodeName("n1"), "restart", "kernel", "ann", 0, 60_000))
    world.accept(LoseNode(NodeName("n1"), Incarnation("1-n1"), True, "goodbye"))
    return world


@pytest.mark.parametrize("due_at", [1, AT])
def test_pt_72_a_due_time_in_the_past_leaves_a_task_held_for_its_node(due_at: Instant) -> None:
    world = held()
    before = told(world.task())
    assert before == (Status.WAITING, Code.HELD_FOR_NODE, AT + 60_000)
    assert told(due(world, due_at, "t")) == before
    assert list(world.state.held) == ["n1"]


def test_pt_72_a_task_that_is_not_due_any_more_is_held_for_no_node() -> None:
    world = held()
    assert told(due(world, LATER, "t")) == (Status.WAITING, Code.NOT_DUE, LATER)
    assert not world.state.held


def test_tm_20_a_due_time_that_was_moved_counts_at_once() -> None:
    world = World()
    world.accept(join())
    world.accept(create("v", spec=TaskSpec(due_at=AT + 60_000)))
    assert told(due(world, LATER)) == (Status.WAITING, Code.NOT_DUE, LATER)
    assert told(due(world, None)) == (Status.WAITING, Code.NOT_DUE, AT)
    world.accept(AssignTask(V, world.task("v").allocation_id, NOWHERE))
    assert told(due(world, 1)) == (Status.UNASSIGNED, Code.NO_CAPACITY, 0)
    assert told(due(world, LATER)) == (Status.WAITING, Code.NOT_DUE, LATER)
    world.accept(PauseTask(V))
    assert told(due(world, LATER + 1)) == (Status.PAUSED, Code.PAUSED, 0)
