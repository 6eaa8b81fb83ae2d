"""Why a node will not do (PT-35, stage 5): the first "no" in the fixed order, as a code and a text."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from coordinator.assignment.constraints import crowded, ruled_out
from coordinator.assignment.load import Load
from coordinator.model.concurrency import TaskLimit
from coordinator.model.constraints import Constraints
from coordinator.model.ids import NodeName
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Code, Task

NAMES_SHOWN = 10


class Need(NamedTuple):
    """What tasks of one class have in common: they are judged once per pass (PT-46)."""

    executor: str
    version: int
    units: int
    limits: tuple[TaskLimit, ...] = ()
    constraints: Constraints | None = None

    def of_nodes(self) -> Need:
        """What a node alone decides about, equal for tasks that differ in limits of the cluster."""
        if not self.limits:
            return self
        return self._replace(limits=tuple(one for one in self.limits if one.scope == "node"))


class Objection(NamedTuple):
    rank: int  # how far the node came
    code: Code
    detail: str  # for explain; never stored


def need_of(task: Task) -> Need:
    spec, cost = task.spec, task.policy.cost
    return Need(task.executor, task.executor_version, cost, task.limits, spec.constraints)


def objection_to(
    need: Need, node: Node, load: Load, connected: Collection[NodeName]
) -> Objection | None:
    """Why this node may not run it now, or None when it may. Exclusions are the task's own."""
    if node.name not in connected or node.status is not NodeStatus.READY:
        return Objection(0, Code.NO_NODES, f"{node.status}, no session with the leader")
    offered = node.version_of(need.executor)
    if offered is None:
        return Objection(1, Code.NO_EXECUTOR, _offers(node))
    if offered < need.version:
        return Objection(2, Code.OLDER_EXECUTOR, f"has v{offered}, needs v{need.version}")
    if node.drain is not None:
        return Objection(
            3, Code.DRAINING, f'{node.drain.kind}, by {node.drain.by} ("{node.drain.reason}")'
        )
    if need.constraints is not None:
        why = ruled_out(need.constraints, node, load)
        if why is not None:
            return Objection(4, Code.CONSTRAINTS, why)
    return room_objection(need, node, load)


def room_objection(need: Need, node: Node, load: Load) -> Objection | None:
    """What placements change: reservation, room, limits of the node, tasks to be kept apart from."""
    if need.units and load.reserved is not None and load.reserved.node == node.name:
        return Objection(6, Code.RESERVED, f"kept for {load.reserved.task_id}")
    room = load.room(node)
    free = room - load.units(node.name)
    if need.units > free:
        lowered = "" if room == node.units else f", of {node.units} while it protects itself"
        return Objection(
            7, Code.NO_CAPACITY, f"needs {need.units} units, {free} of {room} are free{lowered}"
        )
    if need.limits:
        held = load.limit_in_the_way(need.limits, node.name)
        if held is not None:
            return Objection(8, Code.CONCURRENCY_LIMIT, held)
    if need.constraints is not None and need.constraints.apart:
        why = crowded(need.constraints, node.name, load)
        if why is not None:
            return Objection(4, Code.CONSTRAINTS, why)
    return None


def limited(need: Need, load: Load) -> tuple[Code, str] | None:
    """PT-35, stages 2 and 4: its type is paused, or no place under a limit of the cluster, wherever it went."""
    if (pause := load.pause_of(need.executor)) is not None:
        return Code.TYPE_PAUSED, pause.said(need.executor)
    held = load.limit_in_the_way(need.limits) if need.limits else None
    return (Code.CONCURRENCY_LIMIT, held) if held is not None else None


def excluded(until_ms: int) -> Objection:
    return Objection(5, Code.EXCLUDED, f"kept away for another {max(1, until_ms // 1000)} s")


def furthest(objections: Iterable[tuple[NodeName, Objection]]) -> tuple[Code, str]:
    """The objection of the nodes that came furthest, with their names: canonical (PT-8)."""
    best: tuple[int, Code] | None = None
    names: list[NodeName] = []
    for name, objection in objections:
        if best is None or objection.rank > best[0]:
            best, names = (objection.rank, objection.code), [name]
        elif objection.rank == best[0]:
            names.append(name)
    if best is None:
        return Code.NO_NODES, ""
    return best[1], "" if best[1] is Code.NO_NODES else listed(names)


def listed(names: Iterable[str]) -> str:
    """Sorted, at most ten, then "and k more"."""
    ordered = sorted(names)
    text = ", ".join(ordered[:NAMES_SHOWN])
    more = len(ordered) - NAMES_SHOWN
    return f"{text} and {more} more" if more > 0 else text


def _offers(node: Node) -> str:
    offers = listed(f"{o.executor} v{o.version}" for o in node.offers)
    return f"has {offers}" if offers else "offers nothing"
