"""Many tasks at once: a pass over the backlog in slices, each decision seeing the earlier ones."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from coordinator.assignment.backlog import Backlog, Place, TaskClass
from coordinator.assignment.choose import SHARE_SCALE, Rank, choose, hash_of, rank_of
from coordinator.assignment.exclusions import Exclusion
from coordinator.assignment.load import Claim, Load
from coordinator.assignment.objections import Need, furthest, objection_to
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

    def __init__(
        self, need: Need, nodes: Sequence[Node], load: Load, connected: Collection[NodeName]
    ) -> None:
        self._need, self._load = need, load
        self._nodes: dict[NodeName, Node] = {}
        self._rings: dict[Rank, list[tuple[int, NodeName]]] = {}
        self._ranks: list[Rank] = []
        for node in nodes:
            if objection_to(need, node, load, connected) is None:
                self._nodes[node.name] = node
                self._put(node, hash_of(node.name), rank_of(need, node, load))

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
            now = rank_of(self._need, node, self._load)
            if now == rank:
                return node
            del ring[place]
            self._put(node, number, now)
        return None

    def _put(self, node: Node, number: int, rank: Rank) -> None:
        """Room is all that can run out within a pass."""
        if rank.share_after > SHARE_SCALE and self._need.units:
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


def plan_slice(backlog: Backlog, view: PassView, limit: int) -> list[Decision]:
    """At most `limit` placements, best tasks first; each is claimed and out of the backlog.

    Classes that find no place are told why; what they are told is written by the periodic pass.
    """
    rankings: dict[Need, Ranking] = {}
    heads: list[tuple[Place, Need, TaskClass]] = []
    for group in backlog.classes():
        if view.asks_itself(group.need.executor):
            continue
        rankings[group.need] = Ranking(group.need, view.nodes, view.load, view.connected)
        _push_head(heads, group)
    decisions: list[Decision] = []
    aside: list[Task] = []
    while heads and len(decisions) < limit:
        place, need, group = heapq.heappop(heads)
        node = rankings[need].best(place.task_id)
        if node is None:
            group.tell(*why_not(need, view), view.tasks)
            continue
        group.open()
        task = view.tasks[place.task_id]
        backlog.discard(place.task_id)
        decision = _decide(task, need, node, view)
        if decision.assignment.node is None:
            aside.append(task)
        else:
            decisions.append(decision)
        if len(group):
            _push_head(heads, group)
    for task in aside:
        backlog.add(task)
    return decisions


def why_not(need: Need, view: PassView) -> tuple[Code, str]:
    """The class's common objection."""
    objections = []
    for node in view.nodes:
        found = objection_to(need, node, view.load, view.connected)
        if found is not None:
            objections.append((node.name, found))
    return furthest(objections)


def _decide(task: Task, need: Need, node: Node, view: PassView) -> Decision:
    exclusions = view.exclusions(task.id)
    if exclusions:
        assignment = choose(need, task.id, view.nodes, view.load, view.connected, exclusions)
    else:
        assignment = Assignment(node.name, node.incarnation, Code.ASSIGNED, "")
    if assignment.node is not None:
        view.load.claim(Claim(assignment.node, need.units, need.executor))
    return Decision(task, assignment)


def _push_head(heads: list[tuple[Place, Need, TaskClass]], group: TaskClass) -> None:
    head = group.head()
    if head is not None:
        heapq.heappush(heads, (head, group.need, group))
