"""Since when a task that runs once wants a node: waiting makes older only while it waits for nothing else (TM-58, TM-20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.assignment.order import Order, due_of
from coordinator.machine.commands import (
    AssignTask,
    DrainNode,
    LoseNode,
    PauseTask,
    ResumeTask,
    RetryTask,
    RunNow,
    UpdateTask,
)
from coordinator.model.ids import Incarnation, NodeName
from coordinator.model.instants import DAY, HOUR, MINUTE
from coordinator.model.tasks import Assignment, Backoff, Code, Policy, RunOutcome, Status, TaskSpec
from tests.unit.machine.kit import AT, World, create, join, on
from tests.unit.machine.recurring import T

NOWHERE = Assignment(code=Code.NO_CAPACITY, explanation="n1")
LIFE = NodeName("n1"), Incarnation("1-n1")


def world_of(placed: Assignment | None = None, *, attempts: int = 0, **more: Any) -> World:
    """One node, and one task `t` of priority 1 with the least of back-offs."""
    policy = Policy(priority=1, max_attempts=attempts, backoff=Backoff("fixed", HOUR))
    world = World()
    world.accept(join())
    world.accept(create(assignment=placed, policy=policy, **more))
    return world


def priority(world: World) -> int:
    """What the task has come to, in a pass of this moment."""
    task = world.task()
    assert task.status is Status.UNASSIGNED
    return Order(world.at, 10 * MINUTE).aged(task.policy.priority, due_of(task))


def find_no_place(world: World) -> None:
    world.accept(AssignTask(T, world.task().allocation_id, NOWHERE))


def redriven() -> World:
    world = world_of(attempts=1)
    world.end("t", RunOutcome.FAILED)
    world.at += 7 * DAY
    world.accept(RetryTask(T))
    return world


def resumed() -> World:
    world = world_of(paused=True)
    world.at += 5 * HOUR
    world.accept(ResumeTask(T))
    return world


def resumed_after_its_time() -> World:
    world = world_of(paused=True, spec=TaskSpec(due_at=AT + HOUR))
    world.at += 5 * HOUR
    world.accept(ResumeTask(T))
    return world


def released() -> World:
    world = World()
    world.accept(join())
    world.accept(create("a"))
    world.accept(create("t", spec=TaskSpec(after=("a",)), policy=Policy(priority=1)))
    world.at += 5 * HOUR
    world.end("a", RunOutcome.SUCCEEDED)
    return world


def tried_again() -> World:
    world = world_of()
    world.end("t", RunOutcome.FAILED, retry_at=AT + HOUR)
    world.at += HOUR
    find_no_place(world)
    return world


def lost_too_often() -> World:
    world = world_of()
    for _ in range(2):
        world.end("t", RunOutcome.LOST, next=on())
    world.end("t", RunOutcome.LOST, retry_at=AT + HOUR)
    world.at += HOUR
    find_no_place(world)
    return world


def run_instead_of_its_back_off() -> World:
    world = world_of()
    world.end("t", RunOutcome.FAILED, retry_at=AT + 9 * HOUR)
    world.at += 5 * HOUR
    world.accept(RunNow(T))
    return world


def run_once_more() -> World:
    world = world_of()
    world.accept(RunNow(T, queue=True))
    world.at += 5 * HOUR
    world.end("t", RunOutcome.SUCCEEDED)
    return world


def edited_into_the_past() -> World:
    world = world_of(spec=TaskSpec(due_at=AT + 9 * HOUR))
    world.at += 5 * HOUR
    world.accept(UpdateTask(T, 0, spec=TaskSpec(due_at=1)))
    find_no_place(world)
    return world


def created_in_the_past() -> World:
    world = World()
    world.at += 5 * HOUR
    spec, policy = TaskSpec(due_at=1), Policy(priority=1)
    world.accept(create(assignment=NOWHERE, spec=spec, policy=policy))
    return world


@pytest.mark.parametrize(
    "now_due",
    [
        redriven,
        resumed,
        resumed_after_its_time,
        released,
        tried_again,
        lost_too_often,
        run_instead_of_its_back_off,
        run_once_more,
        edited_into_the_past,
        created_in_the_past,
    ],
)
def test_tm_58_only_waiting_for_a_node_makes_older(now_due: Callable[[], World]) -> None:
    world = now_due()
    assert priority(world) == 1
    world.at += 10 * MINUTE
    assert priority(world) == 11
    find_no_place(world)
    world.at += 10 * MINUTE
    assert priority(world) == 21


def test_tm_58_a_back_off_that_is_over_counts_from_its_end_however_late_anybody_looks() -> None:
    world = world_of()
    world.end("t", RunOutcome.FAILED, retry_at=AT + HOUR)
    world.at += HOUR + 10 * MINUTE
    find_no_place(world)
    assert (world.task().due_at, priority(world)) == (AT + HOUR, 11)


def test_tm_58_the_run_after_a_back_off_is_due_at_its_end() -> None:
    world = world_of()
    world.end("t", RunOutcome.FAILED, retry_at=AT + HOUR)
    world.at += HOUR + 1
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    assert (world.task().status, world.task().due_at) == (Status.ASSIGNED, AT + HOUR)


def test_tm_58_a_task_whose_node_was_lost_keeps_its_old_due_time() -> None:
    world = world_of(NOWHERE)
    world.at += 20 * MINUTE
    world.accept(AssignTask(T, world.task().allocation_id, on()))
    world.end("t", RunOutcome.LOST)
    assert priority(world) == 21


@pytest.mark.parametrize("runs_now", [False, True])
def test_tm_58_so_does_one_that_was_held_for_its_node(runs_now: bool) -> None:
    world = world_of(spec=TaskSpec(due_at=AT))
    world.accept(DrainNode(LIFE[0], "restart", "kernel", "ann", 0, 20 * MINUTE))
    world.accept(LoseNode(*LIFE, True, "goodbye"))
    assert world.task().assignment.code is Code.HELD_FOR_NODE
    world.at += 20 * MINUTE
    if runs_now:
        world.accept(RunNow(T))
    else:
        find_no_place(world)
    assert priority(world) == 21


def test_tm_20_an_earlier_due_time_makes_nobody_older_who_waits_for_a_node() -> None:
    world = world_of(NOWHERE)
    world.at += 10 * MINUTE
    world.accept(UpdateTask(T, 0, spec=TaskSpec(due_at=world.at - 1)))
    assert priority(world) == 11


def test_tm_27_what_was_asked_for_stays_readable() -> None:
    world = resumed_after_its_time()
    assert (world.task().due_at, world.task().spec.due_at) == (world.at, AT + HOUR)
    world.accept(PauseTask(T))
    assert world.task().spec.due_at == AT + HOUR
