"""Why a node will not do (PT-35, stage 5): the first "no" in the fixed order, as a code and a text."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from coordinator.assignment.load import Load
from coordinator.model.ids import NodeName
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Code, Task

NAMES_SHOWN = 10


class Need(NamedTuple):
    """What tasks of one class have in common: they are judged once per pass (PT-46)."""

    executor: str
    version: int
    units: int


class Objection(NamedTuple):
    rank: int  # how far the node came
    code: Code
    detail: str  # for explain; never stored


def need_of(task: Task) -> Need:
    return Need(task.executor, task.executor_version, task.policy.cost)


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
    free = node.units - load.units(node.name)
    if need.units > free:
        return Objection(
            7, Code.NO_CAPACITY, f"needs {need.units} units, {free} of {node.units} are free"
        )
    return None


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
