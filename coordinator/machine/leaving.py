"""What becomes of a task whose run has ended and that goes on: placed again, waiting, paused, or over."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.assign import assigned
from coordinator.machine.commands import EndRun
from coordinator.machine.fit import Demand, still_fits, take_allocation, type_paused
from coordinator.machine.records import Off, finished
from coordinator.model.instants import Instant
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Desired, Status, StopReason, Task

NODE_LEFT = "node_left"
HAND_BACK_CODES = {"no_capacity": Code.NO_CAPACITY, "no_executor": Code.NO_EXECUTOR}
RUN_NOW = "run_now"


def over(state: ClusterState, task: Task, status: Status, *, reason: str = "") -> Task:
    """The record at its end, off its node. `reason`: of a failed one, why it is a dead letter (TM-55)."""
    why = task.stop_text if status is Status.CANCELLED else ""
    assignment = Assignment(code=Code.FINISHED, explanation=why)
    return finished(state, task, status, Off(assignment, take_allocation(state, task), reason))


def placed_again(state: ClusterState, task: Task, report: EndRun, reason: Assignment) -> Task:
    """On the node that the leader chose, if that still holds; else unassigned with the reason."""
    if task.desired is Desired.PAUSED and not runs_paused(task):
        return paused(state, task)
    chosen = report.next
    if chosen is not None and chosen.node is not None:
        # On its own node it takes what it has just freed, which an edit may have made another cost.
        leaves = state.tasks[task.id]
        freed = leaves.policy.cost if chosen.node == task.assignment.node else 0
        cost = task.policy.cost - freed
        demand = Demand(task.executor, task.executor_version, cost, task.limits, leaves)
        objection = still_fits(state, chosen, demand)
        if objection is None:
            free = replace(task, stop_reason=None, stop_text="", stopping_since=0)
            return assigned(state, free, chosen)
    if (held := type_paused(state, task.executor)) is not None:
        reason = Assignment(code=held.code, explanation=held.text)
    return without_node(state, task, Status.UNASSIGNED, reason)


def runs_paused(task: Task) -> bool:
    """Of a paused task: whether it is a series that somebody lets run once all the same (TM-29)."""
    occurrence = task.series.occurrence if task.series is not None else None
    return occurrence is not None and occurrence.while_paused


def waiting(state: ClusterState, task: Task, wake_at: Instant) -> Task:
    """Until its next attempt."""
    if task.desired is Desired.PAUSED and not runs_paused(task):
        return paused(state, task)
    found = without_node(state, task, Status.WAITING, Assignment(code=Code.BACKOFF))
    return replace(found, wake_at=wake_at)


def paused(state: ClusterState, task: Task) -> Task:
    why = Assignment(code=Code.PAUSED, explanation=task.stop_text)
    return without_node(state, task, Status.PAUSED, why)


def without_node(state: ClusterState, task: Task, status: Status, assignment: Assignment) -> Task:
    """The record off its node, under the next allocation id."""
    return replace(
        task,
        status=status,
        assignment=assignment,
        allocation_id=take_allocation(state, task),
        stop_reason=None,
        stop_text="",
        stopping_since=0,
        assigned_at=0,
        started_at=0,
        wake_at=0,
        updated_at=state.at,
        revision=state.revision,
    )


def was_moved(task: Task) -> bool:
    return task.stop_reason in (StopReason.MOVE, StopReason.REPLACE)


def reason_lost(task: Task, report: EndRun) -> Assignment:
    """Why the task is to be placed again after its run was lost."""
    node = task.assignment.node
    text = f"worker process on {node}" if report.worker_died else f"{node}"
    return Assignment(code=Code.NODE_LOST, explanation=text)


def reason_aborted(task: Task, report: EndRun) -> Assignment:
    """Why the task is to be placed again after its run gave up."""
    node = task.assignment.node
    if was_moved(task):
        return Assignment(code=Code.ABORTED_HERE, explanation=f"moved off {node}")
    if report.reason == NODE_LEFT:
        return Assignment(code=Code.NODE_LOST, explanation=f"{node}")
    if report.handed_back:
        code = HAND_BACK_CODES.get(report.reason, Code.ABORTED_HERE)
        return Assignment(code=code, explanation=f"{node}")
    return Assignment(code=Code.ABORTED_HERE, explanation=report.reason)
