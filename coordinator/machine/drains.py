"""Operators and nodes: drain, undrain, remove; and the end of a node's record."""

from __future__ import annotations

from typing import TypeGuard

from msgspec.structs import replace

from coordinator.machine.commands import (
    DeferMove,
    DrainNode,
    ForgetNode,
    RemoveNode,
    UndrainNode,
)
from coordinator.machine.nodes import unknown_node, unless_incarnation
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.machine.records import not_found, stale_allocation
from coordinator.model import limits
from coordinator.model.ids import NodeName
from coordinator.model.nodes import ITSELF, Drain, NodeStatus
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Status, Task

KINDS = ("restart", "remove", "terminate")


def drain_node(state: ClusterState, command: DrainNode) -> Outcome:
    """The node takes nothing new; moving its tasks away is a duty's business (PT-70).

    The node need not be a member: the mark waits for it.
    """
    if command.kind not in KINDS:
        detail = f"kind = {command.kind!r}: must be one of {', '.join(KINDS)}"
        return Refused(Refusal.INVALID_FIELD, detail)
    if not command.reason:
        return Refused(Refusal.INVALID_FIELD, "reason: a drain needs one")
    if command.hold and command.kind != "restart":
        return Refused(Refusal.INVALID_FIELD, f"hold: a {command.kind} does not come back")
    node = state.nodes.get(command.name)
    present = node.drain if node is not None else state.drains.get(command.name)
    drain = _mark(state, command, present)
    if present is not None and drain == replace(present, since=state.at):
        return Accepted(unchanged=True)
    if node is not None:
        state.put_node(replace(node, drain=drain))
        if not drain.hold:
            _release_held(state, node.name)
    elif present is None and len(state.drains) >= limits.NODES_MAX:
        detail = f"{len(state.drains)} drains of unknown nodes; at most {limits.NODES_MAX}"
        return Refused(Refusal.LIMIT_REACHED, detail)
    else:
        state.drains[command.name] = drain
    return Accepted()


def _mark(state: ClusterState, command: DrainNode, present: Drain | None) -> Drain:
    """What the node has said of itself stays known whoever drains it."""
    has_said = present is not None and (present.leaving or present.by == ITSELF)
    return Drain(
        command.kind,
        command.reason,
        command.by,
        state.at,
        command.deadline,
        command.hold,
        command.leaving or (has_said and command.hold > 0),
    )


def _release_held(state: ClusterState, name: NodeName) -> None:
    """Nobody is waited for any more: its tasks may go anywhere."""
    for task_id in sorted(state.held.get(name, ())):
        task = state.tasks[task_id]
        free = Assignment(code=Code.NODE_LOST, explanation=name)
        state.put_task(
            replace(
                task,
                status=Status.UNASSIGNED,
                assignment=free,
                wake_at=0,
                updated_at=state.at,
                revision=state.revision,
            )
        )


def defer_move(state: ClusterState, command: DeferMove) -> Outcome:
    """Only the reason changes, so no allocation id is taken (PT-8)."""
    task = state.tasks.get(command.task_id)
    if task is None:
        return not_found(command.task_id)
    if task.allocation_id != command.allocation_id:
        return stale_allocation(task)
    if task.status not in (Status.ASSIGNED, Status.RUNNING):
        return Refused(Refusal.CHOICE_STALE, f"the task is {task.status}", task.allocation_id)
    node = task.assignment.node
    if node is None or state.nodes[node].drain is None:
        return Refused(Refusal.CHOICE_STALE, f"{node} does not drain", task.allocation_id)
    return _explain(state, task, Code.MOVE_PENDING, command.explanation)


def undrain_node(state: ClusterState, command: UndrainNode) -> Outcome:
    node = state.nodes.get(command.name)
    if node is None:
        if state.drains.pop(command.name, None) is None:
            return unknown_node(command.name)
        return Accepted()
    if node.drain is None:
        return Accepted(unchanged=True)
    state.put_node(replace(node, drain=None))
    _release_held(state, node.name)
    for task_id in sorted(state.on_node.get(node.name, ())):
        task = state.tasks[task_id]
        if task.assignment.code is Code.MOVE_PENDING:
            _explain(state, task, Code.ASSIGNED, "")
    return Accepted()


def remove_node(state: ClusterState, command: RemoveNode) -> Outcome:
    """A node that is gone leaves the list; a live one is believed no more, and lost R later."""
    node = state.nodes.get(command.name)
    if node is None:
        return unknown_node(command.name)
    if node.status is NodeStatus.REMOVED:
        return Accepted(unchanged=True)
    if node.status is NodeStatus.READY:
        state.put_node(replace(node, status=NodeStatus.REMOVED, gone_at=state.at))
        return Accepted()
    state.drop_node(node.name)
    _release_held(state, node.name)
    return Accepted(removed=True)


def forget_node(state: ClusterState, command: ForgetNode) -> Outcome:
    """A lost, left or removed node without tasks leaves the list."""
    node = state.nodes.get(command.name)
    refused = unless_incarnation(node, command.name, command.incarnation)
    if refused is not None or node is None:
        return refused or unknown_node(command.name)
    if node.status is NodeStatus.READY or state.on_node.get(node.name):
        return Refused(Refusal.CHOICE_STALE, f"{node.name} is {node.status} or holds tasks")
    state.drop_node(node.name)
    if node.status is not NodeStatus.REMOVED and _outlives(node.drain, state):
        state.drains[node.name] = node.drain
    return Accepted(removed=True)


def _outlives(drain: Drain | None, state: ClusterState) -> TypeGuard[Drain]:
    """A mark stays until undrained, unless it ends with the node (PT-70)."""
    return (
        drain is not None and not drain.ends_with_the_node and len(state.drains) < limits.NODES_MAX
    )


def _explain(state: ClusterState, task: Task, code: Code, text: str) -> Accepted:
    told = replace(task.assignment, code=code, explanation=text)
    if told == task.assignment:
        return Accepted(task.id, task.allocation_id, unchanged=True)
    state.put_task(replace(task, assignment=told, updated_at=state.at, revision=state.revision))
    return Accepted(task.id, task.allocation_id)
