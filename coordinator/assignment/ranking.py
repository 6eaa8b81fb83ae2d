"""What a pass looks at, and its eligible nodes in order, one list for each kind of need."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from coordinator.assignment.choose import SHARE_SCALE, Rank, hash_of, rank_of
from coordinator.assignment.constraints import Spreads
from coordinator.assignment.exclusions import Exclusion
from coordinator.assignment.load import Load
from coordinator.assignment.objections import Need, objection_to, room_objection
from coordinator.assignment.order import Order
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.nodes import Node
from coordinator.model.tasks import Task


class PassView(NamedTuple):
    """What a pass looks at."""

    tasks: Mapping[TaskId, Task]
    nodes: Sequence[Node]
    load: Load
    connected: Collection[NodeName]
    exclusions: Callable[[TaskId], Mapping[NodeName, Exclusion]]
    asks_itself: Callable[[str], bool]  # has a get_assignment of its own
    order: Order = Order()


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
