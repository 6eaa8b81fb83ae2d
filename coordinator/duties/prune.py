"""Housekeeping: records past their retention, old request ids, nodes long gone."""

from __future__ import annotations

from coordinator.duties.agenda import Agenda, Item, earliest
from coordinator.duties.view import LeaderView
from coordinator.machine.commands import Command, ForgetNode, ForgetRequests, RemoveTask
from coordinator.model.instants import SECOND, Instant, Millis, Now
from coordinator.model.limits import (
    REQUESTS_REMEMBERED,
    REQUESTS_REMEMBERED_MS,
)
from coordinator.model.nodes import NodeStatus
from coordinator.model.tasks import Status, Task

BATCH = 500
EVERY_MS = 10 * SECOND


def prune(view: LeaderView, now: Now) -> Agenda:
    """Removals that are due, and when to look again."""
    at = view.time(now)
    expired = [t for t in _past_retention(view, at) if t.id not in view.busy]
    items = [Item(RemoveTask(t.id, t.revision), (), (t.id,)) for t in expired]
    items += [Item(command) for command in _old_requests(view, now) + _gone_nodes(view, now)]
    soon: Millis | None = None
    if len(expired) >= BATCH:
        soon = now.steady  # there are more
    elif (nxt := view.state.next_expiry()) is not None:
        soon = view.steady_of(nxt, now)
    return Agenda(tuple(items), earliest((soon, now.steady + EVERY_MS)))


def _past_retention(view: LeaderView, at: Instant) -> list[Task]:
    """Expired records and, beyond the newest of a group (50,000 unless set), those that would expire first (TM-74)."""
    state, counts = view.state, view.state.status_counts
    found = {task.id: task for task in state.expired_until(at, BATCH)}
    _, kept = state.settings.kept("retention.succeeded")
    _, kept_others = state.settings.kept("retention.failed")
    succeeded = counts[Status.SUCCEEDED] - kept
    others = counts[Status.FAILED] + counts[Status.CANCELLED] - kept_others
    for is_first, surplus in ((True, succeeded), (False, others)):
        if surplus > 0:
            oldest = state.expiring_first(succeeded=is_first, limit=min(BATCH, surplus))
            found.update((task.id, task) for task in oldest)
    return list(found.values())


def _old_requests(view: LeaderView, now: Now) -> list[Command]:
    memory = view.state.requests
    surplus = max(0, len(memory) - REQUESTS_REMEMBERED)
    count, before = 0, view.time(now) - REQUESTS_REMEMBERED_MS
    for _, remembered in memory.oldest():
        if count >= 10 * BATCH or (count >= surplus and remembered.at >= before):
            break
        count += 1
    return [ForgetRequests(count)] if count else []


def _gone_nodes(view: LeaderView, now: Now) -> list[Command]:
    before = view.time(now) - view.state.settings.millis("nodes.forget_after")
    return [
        ForgetNode(node.name, node.incarnation)
        for node in view.state.nodes_by_name()
        if node.status in (NodeStatus.LOST, NodeStatus.LEFT)
        and node.gone_at <= before
        and not view.state.on_node.get(node.name)
    ]
