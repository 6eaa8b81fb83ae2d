"""Draining nodes: movable tasks are moved, destination first, then stop, confirmation, start (PT-70)."""

from __future__ import annotations

from coordinator.assignment.choose import choose
from coordinator.assignment.objections import need_of
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import UnassignTask
from coordinator.model.instants import Now
from coordinator.model.nodes import Node
from coordinator.model.tasks import Status, Task

AT_ONCE = 100


def move_off_draining(view: LeaderView, now: Now) -> Agenda:
    """UnassignTask for each task that may move and has somewhere to go."""
    items: list[Item] = []
    for node in view.state.nodes_by_name():
        if node.drain is not None:
            items += _move_off(node, view, now, AT_ONCE - len(items))
    return Agenda(tuple(items))


def _move_off(node: Node, view: LeaderView, now: Now, limit: int) -> list[Item]:
    items: list[Item] = []
    for task_id in list(view.state.on_node.get(node.name, {})):
        if len(items) >= limit:
            break
        task = view.state.tasks[task_id]
        if task.status in (Status.ASSIGNED, Status.RUNNING) and _may_move(task, view, now):
            items.append(Item(UnassignTask(task.id, task.allocation_id), (), (task.id,)))
    return items


def _may_move(task: Task, view: LeaderView, now: Now) -> bool:
    if not task.policy.movable or task.id in view.busy:
        return False
    need = need_of(task)
    exclusions = view.exclusions.of(task.id, now.steady)
    nodes = view.state.nodes_by_name()
    return choose(need, task.id, nodes, view.load, view.connected, exclusions).node is not None
