"""Does a choice of node still hold? The machine checks what the leader decided and decides nothing.

The texts are canonical (PT-8) and those of the room `assignment`: the names of the nodes meant.
"""

from __future__ import annotations

from typing import NamedTuple

from coordinator.machine.failures import InvariantBroken
from coordinator.model.concurrency import TaskLimit
from coordinator.model.ids import AllocationId
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.pauses import worded
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Task


class Objection(NamedTuple):
    """Why a task cannot go to a node: code and canonical text."""

    code: Code
    text: str


class Demand(NamedTuple):
    """What a task asks of a node. `leaves`: its record while a run of it still holds a place."""

    executor: str
    version: int  # that validated the params
    cost: int  # units
    limits: tuple[TaskLimit, ...] = ()
    leaves: Task | None = None


def demand_of(task: Task) -> Demand:
    """Of a task without a node."""
    return Demand(task.executor, task.executor_version, task.policy.cost, task.limits)


def still_fits(state: ClusterState, assignment: Assignment, demand: Demand) -> Objection | None:
    """The first objection to this node, or None: it is there in this incarnation and takes the task."""
    if not state.settings.assignment_enabled:
        return disabled(state)
    if (held := type_paused(state, demand.executor)) is not None:
        return held
    name = assignment.node
    node = state.nodes.get(name) if name is not None else None
    if node is None:
        return Objection(Code.NO_NODES, "")
    if node.status is not NodeStatus.READY or node.incarnation != assignment.incarnation:
        return Objection(Code.NODE_LOST, str(name))
    return (
        _offer_objection(node, demand.executor, demand.version)
        or _room_objection(state, node, demand.cost)
        or _limit_objection(state, node, demand)
    )


def said(code: Code, text: str) -> str:
    """The code, and the text if there is one."""
    return f"{code}: {text}" if text else code.value


def disabled(state: ClusterState) -> Objection:
    """PT-36: the setting's name, who set it and why."""
    found = state.settings.values.get("assignment.enable")
    said = worded(found.by, found.reason) if found is not None else ""
    by = f", set{said}" if said else ""
    return Objection(Code.ASSIGNMENT_DISABLED, f"assignment.enable = none{by}")


def type_paused(state: ClusterState, executor: str) -> Objection | None:
    """TM-28: who paused tasks of this kind, and why."""
    found = state.paused_executors.get(executor)
    return Objection(Code.TYPE_PAUSED, found.said(executor)) if found is not None else None


def take_allocation(state: ClusterState, task: Task) -> AllocationId:
    """The number of the task's next placement, or of its next time without a node (PT-4)."""
    taken = state.next_allocation_id()
    if taken <= task.allocation_id:
        raise InvariantBroken(
            f"task {task.id} holds allocation id {task.allocation_id}, but the next is {taken}"
        )
    return taken


def _offer_objection(node: Node, executor: str, version: int) -> Objection | None:
    offered = False
    for offer in node.offers:
        if offer.executor == executor:
            if offer.version >= version:
                break
            offered = True
    else:
        if offered:
            return Objection(Code.OLDER_EXECUTOR, node.name)
        return Objection(Code.NO_EXECUTOR, node.name)
    if node.drain is not None:
        return Objection(Code.DRAINING, node.name)
    return None


def _limit_objection(state: ClusterState, node: Node, demand: Demand) -> Objection | None:
    """TM-60, checked here as well, so that no change of leader exceeds a limit (PT-82)."""
    for limit in demand.limits:
        here = limit.scope == "node"
        runs = state.runs_under(limit, node.name)
        if _leaves_one(demand.leaves, limit, node):
            runs -= 1  # what its present run holds goes back in this very command
        most = state.max_of(limit)
        if runs >= most:
            return Objection(Code.CONCURRENCY_LIMIT, node.name if here else limit.said(most))
    return None


def _leaves_one(leaves: Task | None, limit: TaskLimit, node: Node) -> bool:
    """Whether the run that goes counts under this limit, which an edit may have changed."""
    if leaves is None or (limit.scope == "node" and leaves.assignment.node != node.name):
        return False
    return any((one.scope, one.key) == (limit.scope, limit.key) for one in leaves.limits)


def _room_objection(state: ClusterState, node: Node, cost: int) -> Objection | None:
    use = state.use.get(node.name)
    used = use.units if use is not None else 0
    if node.units - used < cost:
        return Objection(Code.NO_CAPACITY, node.name)
    return None
