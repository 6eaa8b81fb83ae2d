"""Draining nodes: movable tasks are moved, destination first, then stop, confirmation, start (PT-70)."""

from __future__ import annotations

from coordinator.assignment.choose import choose
from coordinator.assignment.load import Claim
from coordinator.assignment.objections import need_of
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import UnassignTask
from coordinator.model.instants import Now
from coordinator.model.nodes import Node
from coordinator.model.tasks import Status, StopReason, Task

AT_ONCE = 100  # tasks on their way at one time


def move_off_draining(view: LeaderView, now: Now) -> Agenda:
    """UnassignTask for each task that may move and has somewhere to go.

    Those on their way already keep their destination in this reckoning, so no two are sent off for
    the same place: whoever finds none stays where it runs.
    """
    draining = [node for node in view.state.nodes_by_name() if node.drain is not None]
    if not draining:
        return Agenda()
    promised: list[Claim] = []
    for task in _on(draining, view):
        if task.stop_reason is StopReason.MOVE:
            promised += _destination(task, view, now)
    items: list[Item] = []
    for task in _on(draining, view):
        if len(promised) >= AT_ONCE:
            break
        if _may_move(task, view):
            found = _destination(task, view, now)
            promised += found
            items += [_move(task) for _ in found]
    for claim in promised:
        view.load.release(claim)
    return Agenda(tuple(items))


def _on(nodes: list[Node], view: LeaderView) -> list[Task]:
    """Their tasks, in the order they came there."""
    tasks = view.state.tasks
    return [tasks[task_id] for node in nodes for task_id in view.state.on_node.get(node.name, ())]


def _may_move(task: Task, view: LeaderView) -> bool:
    running = task.status in (Status.ASSIGNED, Status.RUNNING)
    return running and task.policy.movable and task.id not in view.busy


def _destination(task: Task, view: LeaderView, now: Now) -> list[Claim]:
    """A place elsewhere, claimed; none if there is none."""
    need = need_of(task)
    exclusions = view.exclusions.of(task.id, now.steady)
    nodes = view.state.nodes_by_name()
    chosen = choose(need, task.id, nodes, view.load, view.connected, exclusions)
    if chosen.node is None:
        return []
    claim = Claim(chosen.node, need.units, need.executor)
    view.load.claim(claim)
    return [claim]


def _move(task: Task) -> Item:
    return Item(UnassignTask(task.id, task.allocation_id), (), (task.id,))
