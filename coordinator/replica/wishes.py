"""A caller's wish becomes a proposal, or is answered at once where nothing can come of it."""

from __future__ import annotations

from coordinator.machine.apply import apply
from coordinator.machine.commands import (
    Command,
    RaiseFeatureLevel,
    RemoveMember,
    Request,
    UnassignTask,
)
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused, Unlogged
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.settings import Settings
from coordinator.model.state import ClusterState
from coordinator.replica.inputs import Asked, Create, Move
from coordinator.replica.leadership import Leadership
from coordinator.replica.proposals import OnAnswer, Proposal


def take(leading: Leadership, state: ClusterState, asked: Asked, waiter: OnAnswer) -> None:
    """The leader's part: what has to be known or chosen before the log."""
    wish = asked.wish
    if isinstance(wish, Create):
        leading.creations.begin(asked, wish, waiter)
        return
    if isinstance(wish, Move):
        command = _move(state, wish, waiter)
        if command is None:
            return
        if not asked.dry_run and state.tasks[wish.task_id].has_node:
            _keep_away(leading, state, wish)
        wish = command
    unwise = leading.proposals.gate(wish) or _unwise(leading, state, asked, wish)
    if unwise is not None:
        waiter(unwise)
        return
    if asked.dry_run:
        waiter(_would(state, wish))
        return
    leading.proposals.add(Proposal(Request(wish, asked.request_id, asked.content), waiter))


def _move(state: ClusterState, wish: Move, waiter: OnAnswer) -> UnassignTask | None:
    """The command for the run that is there now; None when the answer is known already."""
    task = state.tasks.get(wish.task_id)
    if task is None:
        waiter(Unlogged(Refusal.TASK_NOT_FOUND, wish.task_id))
        return None
    if not task.has_node and not task.is_terminal:
        waiter(Accepted(task_id=task.id, unchanged=True))
        return None
    return UnassignTask(wish.task_id, task.allocation_id, wish.if_revision)


def _keep_away(leading: Leadership, state: ClusterState, wish: Move) -> None:
    """From where it is, and from what the caller named, if there is anything else."""
    here = state.tasks[wish.task_id].assignment.node
    avoid = (*wish.avoid, here) if here is not None else wish.avoid
    leading.bench.view.exclusions.moved(wish.task_id, avoid, leading.bench.now.steady)


def _unwise(
    leading: Leadership, state: ClusterState, asked: Asked, wish: Command
) -> Refused | None:
    """What the law does not know: who is well (M2), who can follow (U2). A repeated wish gets its first answer."""
    if asked.request_id and state.requests.get(asked.request_id) is not None:
        return None
    if isinstance(wish, RaiseFeatureLevel):
        return leading.bench.upgrades.objection(wish)
    if not isinstance(wish, RemoveMember):
        return None
    would = _would(state, wish)
    is_new = isinstance(would, Accepted) and not would.unchanged
    return leading.member_changes.objection(wish) if is_new else None


def _would(state: ClusterState, command: Command) -> Outcome:
    """A dry run: the law, applied to a copy of just what the command is about."""
    copy = ClusterState()
    copy.begin_entry(state.revision, state.at)
    copy.last_allocation_id = state.last_allocation_id
    copy.settings = Settings(dict(state.settings.values))
    copy.feature_level = state.feature_level
    copy.limit_overrides = dict(state.limit_overrides)
    for member in state.members_by_id():
        copy.put_member(member)
    copy.last_member_id, copy.member_change = state.last_member_id, state.member_change
    task = state.tasks.get(TaskId(getattr(command, "task_id", "")))
    if task is not None:
        copy.put_task(task)
    node = state.nodes.get(NodeName(getattr(command, "name", "")))
    if node is not None:
        copy.put_node(node)
    return apply(copy, command)
