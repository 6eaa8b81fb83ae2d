"""Draining nodes: movable tasks are moved, destination first, then stop, confirmation, start (PT-70)."""

from __future__ import annotations

from coordinator.assignment.choose import choose
from coordinator.assignment.load import Claim, moving_claim
from coordinator.assignment.objections import Need, need_of
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import DeferMove, UnassignTask
from coordinator.model.ids import NodeName
from coordinator.model.instants import SECOND, Millis, Now
from coordinator.model.nodes import Drain, Node
from coordinator.model.tasks import Assignment, Code, Status, StopReason, Task

AT_ONCE = 100  # tasks on their way at one time
LOOK_EVERY_MS = SECOND


class Drains:
    """When to look at the draining nodes, and when to tell why a run stays there."""

    def __init__(self, steady: Millis) -> None:
        self._look_at = steady
        self._tell_at = steady

    def node_changed(self, old: Node | None, new: Node | None, steady: Millis) -> None:
        """There may be room now; of a new drain it is told at once who has to wait."""
        self._look_at = steady
        if old is not None and new is not None and old.drain != new.drain:
            self._tell_at = steady

    def run(self, view: LeaderView, now: Now) -> Agenda:
        """What is due now. Reasons that changed are written once per recheck interval (PT-8)."""
        if now.steady < self._look_at:
            return Agenda()
        self._look_at = now.steady + LOOK_EVERY_MS
        told_max = view.state.settings.number("assignment.batch")
        telling = now.steady >= self._tell_at
        found = move_off_draining(view, now, told_max if telling else 0)
        if telling and sum(type(item.command) is DeferMove for item in found.items) < told_max:
            self._tell_at = now.steady + view.state.settings.millis("assignment.recheck_interval")
        return found


def move_off_draining(view: LeaderView, now: Now, told_max: int) -> Agenda:
    """UnassignTask for each task that may move and has somewhere to go; for at most `told_max` of
    those that have not, a DeferMove that says why, unless their records say so already.

    Those on their way already keep their destination in this reckoning, so no two are sent off for
    the same place: whoever finds none stays where it runs.
    """
    nodes = list(view.state.nodes_by_name())
    draining = [
        n for n in nodes if n.drain is not None and not _keeps_its_tasks(n.drain, view, now)
    ]
    if not draining:
        return Agenda()
    places = _Places(view, now)
    for task in _on(draining, view):
        if task.stop_reason is StopReason.MOVE:
            places.find(task)
    items: list[Item] = []
    for task in _on(draining, view):
        if len(places.promised) >= AT_ONCE:
            break
        if not _may_move(task, view):
            continue
        if _is_expected_back(task, view):
            items.append(_move(task))
            continue
        chosen = places.find(task)
        if chosen.node is not None or _is_overdue(task, view, now):
            items.append(_move(task))
        elif told_max and (told := _defer(task, chosen)) is not None:
            items.append(told)
            told_max -= 1
    places.release()
    return Agenda(tuple(items))


class _Places:
    """Destinations, claimed while this pass lasts."""

    def __init__(self, view: LeaderView, now: Now) -> None:
        self.promised: list[Claim] = []
        self._view = view
        self._now = now
        self._nodes = list(view.state.nodes_by_name())
        self._nowhere: dict[tuple[Need, NodeName | None], Assignment] = {}

    def find(self, task: Task) -> Assignment:
        """A place elsewhere, claimed, or why there is none; room only gets less, so a class that
        found none is not judged again (PT-46).
        """
        need, here = need_of(task).of_nodes(), task.assignment.node
        exclusions = self._view.exclusions.of(task.id, self._now.steady)
        if not exclusions and (need, here) in self._nowhere:
            return self._nowhere[need, here]
        nodes = [node for node in self._nodes if node.name != here]
        load, connected = self._view.load, self._view.connected
        chosen = choose(need, task.id, nodes, load, connected, exclusions)
        if chosen.node is not None:
            claim = moving_claim(task, chosen.node)
            load.claim(claim)
            self.promised.append(claim)
        elif not exclusions:
            self._nowhere[need, here] = chosen
        return chosen

    def release(self) -> None:
        for claim in self.promised:
            self._view.load.release(claim)


def _on(nodes: list[Node], view: LeaderView) -> list[Task]:
    """Their tasks, in the order they came there."""
    tasks = view.state.tasks
    return [tasks[task_id] for node in nodes for task_id in view.state.on_node.get(node.name, ())]


def _may_move(task: Task, view: LeaderView) -> bool:
    running = task.status in (Status.ASSIGNED, Status.RUNNING)
    return running and task.policy.movable and task.id not in view.busy


def _keeps_its_tasks(drain: Drain, view: LeaderView, now: Now) -> bool:
    """Held for its return: nothing is moved until it is asked to stop, or the deadline is over (PT-72)."""
    over = 0 < drain.deadline <= view.time(now)
    return drain.hold > 0 and not drain.leaving and not over


def _is_expected_back(task: Task, view: LeaderView) -> bool:
    """It is stopped where it is and waits for its node, so it needs no other."""
    drain = view.state.nodes[NodeName(task.assignment.node or "")].drain
    return drain is not None and drain.hold > 0 and drain.leaving


def _is_overdue(task: Task, view: LeaderView, now: Now) -> bool:
    """Its node's deadline is over: it stops, and waits for room elsewhere without a node."""
    node = view.state.nodes[NodeName(task.assignment.node or "")]
    return node.drain is not None and 0 < node.drain.deadline <= view.time(now)


def _move(task: Task) -> Item:
    return Item(UnassignTask(task.id, task.allocation_id), (), (task.id,))


def _defer(task: Task, nowhere: Assignment) -> Item | None:
    """None if the record says so already."""
    code, text, present = nowhere.code.value, nowhere.explanation, task.assignment
    why = f"{code}: {text}" if text else code
    if present.code is Code.MOVE_PENDING and present.explanation == why:
        return None
    return Item(DeferMove(task.id, task.allocation_id, why))
