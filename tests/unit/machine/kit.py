"""A state one command at a time, with the usual commands made short."""

from __future__ import annotations

from typing import Any

from coordinator.machine.apply import apply_batch
from coordinator.machine.commands import Batch, Command, CreateTask, EndRun, JoinNode, Request
from coordinator.machine.invariants import check
from coordinator.machine.outcome import Accepted, Outcome, Refused
from coordinator.model.ids import NO_ALLOCATION, AllocationId, Incarnation, NodeName, TaskId
from coordinator.model.nodes import Offer
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Policy, RunOutcome, Task, TaskSpec

AT = 1_000_000


class World:
    """Applies each command as an entry of its own; `check` after each."""

    def __init__(self) -> None:
        self.state = ClusterState()
        self.at = AT

    def do(self, command: Command, request_id: str = "", content: int = 0) -> Outcome:
        request = Request(command, request_id, content)
        outcome = apply_batch(self.state, self.state.revision + 1, Batch(self.at, (request,)))[0]
        check(self.state)
        return outcome

    def accept(self, command: Command) -> Accepted:
        outcome = self.do(command)
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def refuse(self, command: Command) -> Refused:
        outcome = self.do(command)
        assert isinstance(outcome, Refused), outcome
        return outcome

    def task(self, task_id: str = "t") -> Task:
        return self.state.tasks[TaskId(task_id)]

    def end(self, task_id: str, outcome: RunOutcome, **more: Any) -> Accepted:
        task = self.task(task_id)
        incarnation = task.assignment.incarnation
        assert incarnation is not None
        return self.accept(EndRun(task.id, task.allocation_id, incarnation, outcome, **more))

    def force(self, task: Task) -> Task:
        """Put a record that no command of today makes."""
        self.state.put_task(task)
        return task


def join(name: str = "n1", counter: int = 1, **more: Any) -> JoinNode:
    offers = (Offer("demo.noop", 1, "h1"),)
    incarnation = Incarnation(f"{counter}-{name}")
    arguments: dict[str, Any] = {"uid": f"uid-{name}", "capacity": 10, "offers": offers, **more}
    return JoinNode(NodeName(name), incarnation, counter=counter, **arguments)


def on(name: str = "n1", counter: int = 1) -> Assignment:
    return Assignment(NodeName(name), Incarnation(f"{counter}-{name}"), Code.ASSIGNED)


def create(task_id: str = "t", assignment: Assignment | None = None, **more: Any) -> CreateTask:
    arguments: dict[str, Any] = {"params": b"{}", "spec": TaskSpec(), "policy": Policy(), **more}
    placed = assignment if assignment is not None else on()
    return CreateTask(TaskId(task_id), "demo.noop", 1, assignment=placed, **arguments)


def with_task(**more: Any) -> World:
    """One node, and on it one task `t`."""
    world = World()
    world.accept(join())
    world.accept(create(**more))
    return world


__all__ = ["AT", "NO_ALLOCATION", "AllocationId", "World", "create", "join", "on", "with_task"]
