"""Many tasks at once: a pass over the backlog in slices, each decision seeing the earlier ones."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from coordinator.assignment.backlog import Backlog, TaskClass
from coordinator.assignment.choose import choose, tie_break
from coordinator.assignment.constraints import Spreads
from coordinator.assignment.load import Load, Reservation, claim_of
from coordinator.assignment.objections import Need, furthest, limited, objection_to
from coordinator.assignment.order import Place
from coordinator.assignment.ranking import PassView, Ranking
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.nodes import Node
from coordinator.model.tasks import Assignment, Code, Task

LOOKS_PER_SLICE = 1_000  # at a node, or at a class: about 10 ms


class Decision(NamedTuple):
    task: Task
    assignment: Assignment


class Pass:
    """One evaluation of all that waits when it begins: best tasks first, each class without a node judged once.

    It is cut into slices by placements and by looks, so that neither a hundred thousand tasks nor ten thousand
    classes keep the leader from anything else (PT-46). Classes that find no place are told why; what they are told
    is written by the periodic pass.
    """

    def __init__(self, backlog: Backlog, load: Load) -> None:
        load.reserved = None  # whoever comes first in order now reserves anew
        self._backlog = backlog
        self._unseen: Iterator[TaskClass] = backlog.classes()
        self._all_seen = False
        self._heads: list[tuple[Place, int, TaskClass]] = []
        self._seen = 0
        self._aside: set[TaskId] = set()  # a node was open to their class, not to them
        self._nodes: Sequence[Node] = ()
        self._connected: Collection[NodeName] = frozenset()
        self._known = _Known((), load)

    @property
    def is_over(self) -> bool:
        return self._all_seen and not self._heads

    def slice(self, view: PassView, limit: int) -> list[Decision]:
        """At most `limit` placements; each is claimed and out of the backlog."""
        self._follow_nodes(view)
        known, decisions = self._known, list[Decision]()
        known.looks = 0
        self._see_classes(view)
        held: list[Task] = []
        while self._all_seen and self._heads and len(decisions) < limit:
            if known.looks >= LOOKS_PER_SLICE:
                break
            self._next(view, decisions, held)
        for task in held:
            self._backlog.add(task)
        return decisions

    def _follow_nodes(self, view: PassView) -> None:
        """What is known of nodes holds until one of them comes, goes or changes; loads only grow within a pass."""
        connected = frozenset(view.connected)
        if self._nodes != view.nodes or self._connected != connected:
            self._nodes, self._connected = view.nodes, connected
            self._known = _Known(view.nodes, view.load)

    def _see_classes(self, view: PassView) -> None:
        """No class is decided about before the best task of each is known."""
        while not self._all_seen and self._known.looks < LOOKS_PER_SLICE:
            group = next(self._unseen, None)
            if group is None:
                self._all_seen = True
            elif not view.asks_itself(group.need.executor):
                self._known.looks += 1
                self._seen += 1
                self._push_head(group, self._seen, view)

    def _next(self, view: PassView, decisions: list[Decision], held: list[Task]) -> None:
        """Decide about the best task that is left, or about its whole class."""
        place, number, group = heapq.heappop(self._heads)
        head = group.head(view.order)
        if head is None:
            return
        if head > place:  # what was best has gone in the meantime
            heapq.heappush(self._heads, (head, number, group))
            return
        task = view.tasks[head.task_id]
        if task.id in self._aside:
            self._keep_aside(task, held)
        else:
            node = self._known.node_for(task.id, group, view)
            if node is None:
                return
            group.open()
            decision = self._decide(task, group.need, node, view)
            if decision.assignment.node is None:
                self._keep_aside(task, held)
            else:
                self._backlog.discard(task.id)
                decisions.append(decision)
        self._push_head(group, number, view)

    def _keep_aside(self, task: Task, held: list[Task]) -> None:
        """Out of the way of its class until the slice ends."""
        self._aside.add(task.id)
        self._backlog.discard(task.id)
        held.append(task)

    def _decide(self, task: Task, need: Need, node: Node, view: PassView) -> Decision:
        exclusions = view.exclusions(task.id)
        if exclusions:
            self._known.looks += len(view.nodes)
            assignment = choose(need, task.id, view.nodes, view.load, view.connected, exclusions)
        else:
            assignment = Assignment(node.name, node.incarnation, Code.ASSIGNED, "")
        if assignment.node is not None:
            view.load.claim(claim_of(task, assignment.node))
            self._known.placed(task.executor, assignment.node)
        return Decision(task, assignment)

    def _push_head(self, group: TaskClass, number: int, view: PassView) -> None:
        head = group.head(view.order)
        if head is not None:
            heapq.heappush(self._heads, (head, number, group))


class _Known:
    """What has been found out about nodes, by need; shared by classes that differ in limits of the cluster alone."""

    def __init__(self, nodes: Sequence[Node], load: Load) -> None:
        self.looks = 0
        self._spreads = Spreads(nodes, load)
        self._rankings: dict[Need, Ranking] = {}
        self._objections: dict[Need, tuple[Code, str]] = {}  # since the last placement

    def placed(self, executor: str, node: NodeName) -> None:
        self._spreads.placed(executor, node)
        self._objections.clear()

    def node_for(self, task_id: TaskId, group: TaskClass, view: PassView) -> Node | None:
        """None: the whole class has been told why."""
        need = group.need
        self.looks += 1
        if (held := limited(need, view.load)) is not None:
            group.tell(*held)
            return None
        of_nodes = need.of_nodes()
        ranking = self._rankings.get(of_nodes)
        if ranking is None:
            self.looks += len(view.nodes)
            ranking = self._rankings[of_nodes] = Ranking(of_nodes, view, self._spreads)
        node = ranking.best(task_id)
        if node is None:
            group.tell(*self._why_not(of_nodes, task_id, view))
        return node

    def _why_not(self, need: Need, task_id: TaskId, view: PassView) -> tuple[Code, str]:
        why = self._objections.get(need)
        if why is None:
            self.looks += len(view.nodes)
            why = self._objections[need] = why_not(need, view)
            if why[0] is Code.NO_CAPACITY and view.load.reserved is None:
                view.load.reserved = _reservation(need, task_id, view)
                if view.load.reserved is not None:
                    self._objections.clear()  # one node less for all others
        return why


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
        free = view.load.room(node) - view.load.units(node.name)
        fit.append((-free, tie_break(task_id, node.name), node.name))
    return Reservation(min(fit)[2], task_id) if fit else None
