"""One task, one choice: the least loaded eligible node (PT-37), or why there is none."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from coordinator.assignment.constraints import Spreads, preference
from coordinator.assignment.exclusions import Exclusion
from coordinator.assignment.load import Load
from coordinator.assignment.objections import (
    Need,
    Objection,
    excluded,
    furthest,
    limited,
    objection_to,
)
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.nodes import Node
from coordinator.model.tasks import Assignment, Code

SHARE_SCALE = 1_000_000


class Rank(NamedTuple):
    """Smaller is better. Integers, so that equal is equal. Wishes (PT-83) come before PT-37."""

    wishes: int  # preferences met, negated
    crowd: int  # runs of this executor where it is to be spread
    share_after: int
    same_executor: int
    runs: int


def rank_of(need: Need, node: Node, load: Load, spreads: Spreads) -> Rank:
    units, same, runs = load.counts(node.name, need.executor)
    wishes = crowd = 0
    if need.constraints is not None:
        wishes = -preference(need.constraints, node)
        crowd = spreads.crowd(need.constraints, need.executor, node.name)
    share = (units + need.units) * SHARE_SCALE // max(1, load.room(node))
    return Rank(wishes, crowd, share, same, runs)


def hash_of(name: str) -> int:
    """32 bits; the place of a node, or of a task, on the ring that settles ties."""
    return zlib.crc32(name.encode())


def tie_break(task_id: TaskId, node: NodeName) -> int:
    """A hash of (task id, node name), so that `explain` repeats the decision without dice: how far
    the node lies behind the task on a ring, which a sorted list answers without asking every node.
    """
    return (hash_of(node) - hash_of(task_id)) & 0xFFFFFFFF


def choose(
    need: Need,
    task_id: TaskId,
    nodes: Iterable[Node],
    load: Load,
    connected: Collection[NodeName],
    exclusions: Mapping[NodeName, Exclusion] = {},
) -> Assignment:
    """The default decision. Softly excluded nodes are used when no other is eligible."""
    if (held := limited(need, load)) is not None:
        return Assignment(None, None, *held)
    nodes = list(nodes)
    fit: list[Node] = []
    second: list[Node] = []
    objections: list[tuple[NodeName, Objection]] = []
    for node in nodes:
        objection = objection_to(need, node, load, connected)
        exclusion = exclusions.get(node.name)
        if objection is not None:
            objections.append((node.name, objection))
        elif exclusion is None:
            fit.append(node)
        elif exclusion.hard:
            objections.append((node.name, excluded(0)))
        else:
            second.append(node)
    candidates = fit or second
    if not candidates:
        code, text = furthest(objections)
        return Assignment(None, None, code, text)
    spreads = Spreads(nodes, load)
    best = min(
        candidates,
        key=lambda n: (rank_of(need, n, load, spreads), tie_break(task_id, n.name)),
    )
    return Assignment(best.name, best.incarnation, Code.ASSIGNED, "")


def eligible(
    need: Need,
    nodes: Iterable[Node],
    load: Load,
    connected: Collection[NodeName],
    exclusions: Mapping[NodeName, Exclusion] = {},
) -> list[Node]:
    """Candidates for an executor's own `get_assignment`, in name order."""
    open_to = [n for n in nodes if objection_to(need, n, load, connected) is None]
    fit = [n for n in open_to if n.name not in exclusions]
    soft = [n for n in open_to if n.name in exclusions and not exclusions[n.name].hard]
    return sorted(fit or soft, key=lambda n: n.name)
