"""A decision about a task without a node: where it goes, or why nowhere."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import AssignTask
from coordinator.machine.fates import is_too_late, placed
from coordinator.machine.fit import demand_of, said, still_fits, take_allocation
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import not_found, stale_allocation
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Status, Task


def assign_task(state: ClusterState, command: AssignTask) -> Outcome:
    """Refused alone when its ground is gone (PT-34): the recheck looks at the task again."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if task.allocation_id != command.expected:
        return stale_allocation(task)
    held = task.assignment.code is Code.HELD_FOR_NODE  # its node is back before its time (PT-72)
    due = task.status is Status.WAITING and (held or 0 < task.wake_at <= state.at)
    if not due and task.status is not Status.UNASSIGNED:
        return Refused(Refusal.CHOICE_STALE, f"the task is {task.status}", task.allocation_id)
    if task.assignment.code is Code.BACKOFF and task.series is None:
        task = replace(task, due_at=max(task.due_at, task.wake_at))  # from then on it waits
    if command.assignment.node is None:
        return _explain(state, task, command.assignment)
    return _place(state, task, command.assignment)


def _place(state: ClusterState, task: Task, chosen: Assignment) -> Outcome:
    pending = task.series.occurrence if task.series is not None else None
    if pending is not None and is_too_late(task, pending, state.at):
        return Refused(Refusal.CHOICE_STALE, "past its start deadline", task.allocation_id)
    objection = still_fits(state, chosen, demand_of(task))
    if objection is not None:
        return Refused(Refusal.CHOICE_STALE, said(*objection), task.allocation_id)
    task = assigned(state, task, chosen)
    state.put_task(task)
    return Accepted(task.id, task.allocation_id)


def assigned(state: ClusterState, task: Task, chosen: Assignment) -> Task:
    """The record with a node, under the next allocation id."""
    task = replace(
        task,
        status=Status.ASSIGNED,
        assignment=chosen,
        allocation_id=take_allocation(state, task),
        assigned_at=state.at,
        started_at=0,
        wake_at=0,
        updated_at=state.at,
        revision=state.revision,
    )
    return task if task.series is None else placed(state, task)


def _explain(state: ClusterState, task: Task, reason: Assignment) -> Outcome:
    """Only the reason changes, so no allocation id is taken; the same words write nothing (PT-8)."""
    if task.status is Status.UNASSIGNED and _same_reason(task.assignment, reason):
        return Accepted(task.id, task.allocation_id, unchanged=True)
    state.put_task(
        replace(
            task,
            status=Status.UNASSIGNED,
            assignment=replace(reason, incarnation=None),
            wake_at=0,
            updated_at=state.at,
            revision=state.revision,
        )
    )
    return Accepted(task.id, task.allocation_id)


def _same_reason(one: Assignment, other: Assignment) -> bool:
    if one.code is not other.code:
        return False
    return one.explanation == other.explanation or (
        sorted(one.explanation.split()) == sorted(other.explanation.split())
    )
