"""What several clauses share: the usual refusals, the fence, and how a record comes to its end."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from coordinator.machine.fates import closed
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.ids import NO_ALLOCATION, AllocationId, Incarnation, TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Policy, Status, Task


def not_found(task_id: TaskId) -> Refused:
    return Refused(Refusal.TASK_NOT_FOUND, f"no task {task_id}")


def stale_allocation(task: Task) -> Refused:
    """With the allocation id in force, so that a node knows what to drop."""
    return Refused(
        Refusal.STALE_ALLOCATION,
        f"current allocation is {task.allocation_id}",
        current=task.allocation_id,
    )


def already_finished(task: Task) -> Refused:
    return Refused(Refusal.ALREADY_FINISHED, f"the task is {task.status}", task.allocation_id)


def revision_mismatch(task: Task) -> Refused:
    return Refused(
        Refusal.REVISION_MISMATCH, f"current revision is {task.revision}", task.allocation_id
    )


def is_fenced(task: Task, allocation_id: AllocationId, incarnation: Incarnation) -> bool:
    """PT-3: task, allocation id and incarnation, all three. No value matches any."""
    return (
        task.allocation_id == allocation_id
        and task.assignment.incarnation == incarnation
        and task.assignment.node is not None
    )


class Off(NamedTuple):
    """How a record leaves its node for good."""

    assignment: Assignment
    allocation_id: AllocationId
    end_reason: str


def finished(state: ClusterState, task: Task, status: Status, off: Off | None = None) -> Task:
    """The record in a final status, kept until its retention ends. `off`: it leaves its node as well."""
    if off is None:
        off = Off(task.assignment, task.allocation_id, task.end_reason)
    if task.series is not None:
        task = replace(task, assignment=off.assignment, allocation_id=off.allocation_id)
        task = closed(state, task, "cancelled" if status is Status.CANCELLED else "ended")
    return replace(
        task,
        status=status,
        assignment=off.assignment,
        allocation_id=off.allocation_id,
        end_reason=off.end_reason,
        finished_at=state.at,
        expires_at=_expiry(state, task, status),
        wake_at=0,
        paused_until=0,
        run_again=False,
        stop_reason=None,
        stop_text="",
        stopping_since=0,
        updated_at=state.at,
        revision=state.revision,
    )


def cleared(task: Task) -> Task:
    """The record with the state of nobody's run: none."""
    return replace(
        task,
        state=None,
        state_version=0,
        state_allocation_id=NO_ALLOCATION,
        state_seq=0,
        clear_state=False,
    )


def declared_still(task: Task) -> Refused:
    """Its record stays as long as its executor declares it (PT-84)."""
    detail = f"{task.executor} declares it: cancel it, and it stays cancelled"
    return Refused(Refusal.DECLARED, detail, task.allocation_id)


def store(state: ClusterState, task: Task) -> Accepted:
    """Put the record. One that was to be purged goes as soon as it has ended (PT-29)."""
    state.put_task(task)
    if task.purge and task.is_terminal:
        state.drop_task(task.id)
        return Accepted(task.id, task.allocation_id, removed=True, record=task)
    return Accepted(task.id, task.allocation_id)


def _expiry(state: ClusterState, task: Task, status: Status) -> Instant:
    """One that is declared stays: gone, it would be made anew."""
    return 0 if task.declared else state.at + _retention_ms(state, task.policy, status)


def _retention_ms(state: ClusterState, policy: Policy, status: Status) -> Millis:
    if policy.retention_ms >= 0:
        return policy.retention_ms
    if status is Status.SUCCEEDED:
        return state.settings.kept("retention.succeeded")[0]
    return state.settings.kept("retention.failed")[0]
