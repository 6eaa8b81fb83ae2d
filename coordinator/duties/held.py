"""Tasks that were held for a node while it restarted go back to it as soon as it is there (PT-72)."""

from __future__ import annotations

from coordinator.assignment.choose import choose
from coordinator.assignment.load import Claim, claim_of
from coordinator.assignment.objections import need_of
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import AssignTask
from coordinator.model.nodes import Node, NodeStatus
from coordinator.model.tasks import Task


def place_held(view: LeaderView) -> Agenda:
    """To their own node without looking at others; what it will not have waits like any other from here on."""
    state = view.state
    items: list[Item] = []
    if not state.held or not state.settings.assignment_enabled:
        return Agenda()
    for name in sorted(state.held):
        node = state.nodes.get(name)
        if node is None or node.status is not NodeStatus.READY or name not in view.connected:
            continue
        if node.drain is not None and node.drain.hold:
            continue  # it has yet to go
        waiting = [state.tasks[i] for i in sorted(state.held[name]) if i not in view.busy]
        items += [_back(task, node, view) for task in waiting]
    return Agenda(tuple(items))


def _back(task: Task, node: Node, view: LeaderView) -> Item:
    chosen = choose(need_of(task), task.id, (node,), view.load, view.connected)
    claims: tuple[Claim, ...] = ()
    if chosen.node is not None:
        claims = (claim_of(task, chosen.node),)
        view.load.claim(claims[0])
    return Item(AssignTask(task.id, task.allocation_id, chosen), claims, (task.id,))
