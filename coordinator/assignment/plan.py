"""Many tasks at once: a pass over the backlog in slices, each decision seeing the earlier ones."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from coordinator.assignment.backlog import Backlog, TaskClass
from coordinator.assignment.choose import SHARE_SCALE, Rank, choose, hash_of, rank_of, tie_break
from coordinator.assignment.constraints import Spreads
from coordinator.assignment.exclusions import Exclusion
from coordinator.assignment.load import Load, Reservation, claim_of
from coordinator.assignment.objections import (
    Need,
    furthest,
    limited,
    objection_to,
    room_objection,
)
from coordinator.assignment.order import Order, Place
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.nodes import Node
from coordinator.model.tasks import Assignment, Code, Task


class Decision(NamedTuple):
    task: Task
    assignment: Assignment


class Ranking:
    """Eligible nodes of one class by rank; ties lie on a ring and are settled by the task's hash.

    Loads only grow within a pass, so a node whose rank has changed is moved when it is looked at.
    """

    def __init__(self, need: Need, view: PassView, spreads: Spreads) -> None:
        self._need, self._load, self._spreads = need, view.load, spreads
        self._asks_more = bool(need.limits) or need.constraints is not None
        self._nodes: dict[NodeName, Node] = {}
        self._rings: dict[Rank, list[tuple[int, NodeName]]] = {}
        self._ranks: list[Rank] = []
        for node in view.nodes:
            if objection_to(need, node, view.load, view.connected) is None:
                self._nodes[node.name] = node
                rank = rank_of(need, node, view.load, spreads)
                self._put(node, hash_of(node.name), rank)

    def best(self, task_id: TaskId) -> Node | None:
        """The node for this task, or None when nothing is left."""
        at = (hash_of(task_id), NodeName(""))
        while self._ranks:
            rank = self._ranks[0]
            ring = self._rings[rank]
            if not ring:
                heapq.heappop(self._ranks)
                del self._rings[rank]
                continue
            place = bisect_left(ring, at)
            if place == len(ring):
                place = 0
            number, name = ring[place]
            node = self._nodes[name]
            now = rank_of(self._need, node, self._load, self._spreads)
            if now == rank and self._is_open(node, now):
                return node
            del ring[place]
            self._put(node, number, now)
        return None

    def _is_open(self, node: Node, rank: Rank) -> bool:
        """What placements change; most tasks ask for room alone, which the rank tells."""
        if self._asks_more or self._load.reserved is not None:
            return room_objection(self._need, node, self._load) is None
        return rank.share_after <= SHARE_SCALE or not self._need.units

    def _put(self, node: Node, number: int, rank: Rank) -> None:
        """A node that has no place left is out for the rest of the pass."""
        if not self._is_open(node, rank):
            return
        ring = self._rings.get(rank)
        if ring is None:
            ring = self._rings[rank] = []
            heapq.heappush(self._ranks, rank)
        insort(ring, (number, node.name))


class PassView(NamedTuple):
    """What a pass looks at."""

    tasks: Mapping[TaskId, Task]
    nodes: Sequence[Node]
    load: Load
    connected: Collection[NodeName]
    exclusions: Callable[[TaskId], Mapping[NodeName, Exclusion]]
    asks_itself: Callable[[str], bool]  # has a get_assignment of its own
    order: Order = Order()


def plan_slice(backlog: Backlog, view: PassView, limit: int) -> list[Decision]:
    """At most `limit` placements, best tasks first; each is claimed and out of the backlog.

    Classes that find no place are told why; what they are told is written by the periodic pass.
    """
    return _Slice(backlog, view).plan(limit)


class _Slice:
    """One slice of a pass: rankings are made when a class is first looked at, and shared by classes
    that differ in limits of the cluster alone.
    """

    def __init__(self, backlog: Backlog, view: PassView) -> None:
        self._backlog = backlog
        self._view = view
        self._spreads = Spreads(view.nodes, view.load)
        self._rankings: dict[Need, Ranking] = {}
        self._heads: list[tuple[Place, Need, TaskClass]] = []

    def plan(self, limit: int) -> list[Decision]:
        view = self._view
        view.load.reserved = None  # whoever comes first in order now reserves anew
        for group in self._backlog.classes():
            if not view.asks_itself(group.need.executor):
                self._push_head(group)
        decisions: list[Decision] = []
        aside: list[Task] = []
        while self._heads and len(decisions) < limit:
            place, need, group = heapq.heappop(self._heads)
            node = self._node_for(place.task_id, need, group)
            if node is None:
                continue
            group.open()
            task = view.tasks[place.task_id]
            self._backlog.discard(place.task_id)
            decision = self._decide(task, need, node)
            if decision.assignment.node is None:
                aside.append(task)
            else:
                decisions.append(decision)
            if len(group):
                self._push_head(group)
        for task in aside:
            self._backlog.add(task)
        return decisions

    def _node_for(self, task_id: TaskId, need: Need, group: TaskClass) -> Node | None:
        """None: the whole class has been told why."""
        view = self._view
        if need.limits and (held := limited(need, view.load)) is not None:
            group.tell(*held, view.tasks)
            return None
        of_nodes = need.of_nodes()
        ranking = self._rankings.get(of_nodes)
        if ranking is None:
            ranking = self._rankings[of_nodes] = Ranking(of_nodes, view, self._spreads)
        node = ranking.best(task_id)
        if node is None:
            why = why_not(need, view)
            if why[0] is Code.NO_CAPACITY and view.load.reserved is None:
                view.load.reserved = _reservation(need, task_id, view)
            group.tell(*why, view.tasks)
        return node

    def _decide(self, task: Task, need: Need, node: Node) -> Decision:
        view = self._view
        exclusions = view.exclusions(task.id)
        if exclusions:
            assignment = choose(need, task.id, view.nodes, view.load, view.connected, exclusions)
        else:
            assignment = Assignment(node.name, node.incarnation, Code.ASSIGNED, "")
        if assignment.node is not None:
            view.load.claim(claim_of(task, assignment.node))
            self._spreads.placed(task.executor, assignment.node)
        return Decision(task, assignment)

    def _push_head(self, group: TaskClass) -> None:
        head = group.head(self._view.order)
        if head is not None:
            heapq.heappush(self._heads, (head, group.need, group))


def why_not(need: Need, view: PassView) -> tuple[Code, str]:
    """The class's common objection."""
    objections = []
    for node in view.nodes:
        found = objection_to(need, node, view.load, view.connected)
        if found is not None:
            objections.append((node.name, found))
    return furthest(objections)


def _reservation(need: Need, task_id: TaskId, view: PassView) -> Reservation | None:
    """The node with most free units of those that lack nothing but free units (TM-59)."""
    exclusions = view.exclusions(task_id)
    fit: list[tuple[int, int, NodeName]] = []
    for node in view.nodes:
        excluded = exclusions.get(node.name)
        if need.units > node.units or (excluded is not None and excluded.hard):
            continue
        objection = objection_to(need, node, view.load, view.connected)
        if objection is None or objection.code is not Code.NO_CAPACITY:
            continue
        if need.limits and view.load.limit_in_the_way(need.limits, node.name) is not None:
            continue
        free = node.units - view.load.units(node.name)
        fit.append((-free, tie_break(task_id, node.name), node.name))
    return Reservation(min(fit)[2], task_id) if fit else None
