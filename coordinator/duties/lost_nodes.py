"""Nodes whose time is up: their runs end `lost`, their tasks go elsewhere in the same entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from coordinator.assignment.load import Claim
from coordinator.duties.agenda import Agenda, Item
from coordinator.duties.due import place_now
from coordinator.duties.retry import Dice, wait_after
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import ForgetNode, LoseNode, LoseRuns, Placement
from coordinator.machine.endings import lasted
from coordinator.machine.rows import LOSSES_PLACED_AT_ONCE
from coordinator.model.ids import NodeName
from coordinator.model.instants import Millis, Now
from coordinator.model.nodes import NodeStatus
from coordinator.model.tasks import Assignment, Code, RunOutcome, Status, StopReason, Task

REASON = Code.NODE_LOST.value


def lose_nodes(
    lost: Iterable[tuple[NodeName, Millis]], view: LeaderView, now: Now, dice: Dice
) -> Agenda:
    """A LoseNode for each (name, silence) that is still there, with placements for its tasks.

    The caller has taken the node out of `view.connected`, so nothing is placed on it again. A node
    that an operator removed leaves the list in the same entry.
    """
    items = []
    for name, silence in lost:
        node = view.state.nodes.get(name)
        if node is None or node.status not in (NodeStatus.READY, NodeStatus.REMOVED):
            continue
        held = [view.state.tasks[task_id] for task_id in view.state.on_node.get(name, {})]
        if node.drain is not None and node.drain.hold:
            held = []  # they wait for it (PT-72)
        placements, claims = _placements(held, view, now, dice)
        command = LoseNode(
            name, node.incarnation, False, REASON, placements, _silent(name, silence)
        )
        items.append(Item(command, claims, tuple(p.task_id for p in placements)))
        if node.status is NodeStatus.REMOVED:
            items.append(Item(ForgetNode(name, node.incarnation)))
    return Agenda(tuple(items))


def lose_shared_runs(name: NodeName, view: LeaderView, now: Now, dice: Dice) -> Agenda:
    """The node's session is gone for longer than the grace: runs that tolerate overlap move (PT-64).

    As with a lost node, their tasks are placed again in the same entry.
    """
    node = view.state.nodes.get(name)
    if node is None or node.status is not NodeStatus.READY:
        return Agenda()
    here = [view.state.tasks[task_id] for task_id in view.state.on_node.get(name, {})]
    shared = [task for task in here if not task.policy.exclusive]
    if not shared:
        return Agenda()
    runs = tuple((task.id, task.allocation_id) for task in shared)
    placements, claims = _placements(shared, view, now, dice)
    command = LoseRuns(name, node.incarnation, runs, "disconnected", placements)
    return Agenda((Item(command, claims, tuple(p.task_id for p in placements)),))


def _silent(name: NodeName, silence: Millis) -> bytes:
    """The error that the history of its runs shows."""
    message = f"{name} silent for {silence / 1_000:.1f} s"
    return msgspec.json.encode({"type": REASON, "message": message, "traceback": None})


def _placements(
    tasks: Sequence[Task], view: LeaderView, now: Now, dice: Dice
) -> tuple[tuple[Placement, ...], tuple[Claim, ...]]:
    limit = view.state.settings.number("assignment.batch")
    placements: list[Placement] = []
    claims: list[Claim] = []
    for task in tasks[:limit]:
        if _may_have_to_wait(task):
            at = view.time(now)
            ran_ms = lasted(0, task.started_at, at)
            retry_at = at + wait_after(task, RunOutcome.LOST, ran_ms, dice)
            placements.append(Placement(task.id, task.allocation_id, Assignment(), retry_at))
            continue
        if not _goes_on(task):
            continue
        assignment, taken = place_now(task, view, now)
        if assignment.node is not None:
            placements.append(Placement(task.id, task.allocation_id, assignment))
            claims.extend(taken)
    return tuple(placements), tuple(claims)


def _may_have_to_wait(task: Task) -> bool:
    """For the time that the entry carries; the machine knows whether the row of losses holds (PT-66)."""
    return task.stop_reason is StopReason.TIMEOUT or task.losses >= LOSSES_PLACED_AT_ONCE


def _goes_on(task: Task) -> bool:
    return task.status in (Status.ASSIGNED, Status.RUNNING) and task.policy.on_lost == "rerun"
