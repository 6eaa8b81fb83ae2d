"""A caller's wish becomes a proposal, or is answered at once where nothing can come of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coordinator.machine.commands import (
    ChangeTasks,
    Command,
    RaiseFeatureLevel,
    RemoveMember,
    Request,
    RetryTask,
    RunNow,
    UnassignTask,
    UpdateTask,
    WishCommand,
)
from coordinator.machine.outcome import Accepted, Refusal, Refused, Unlogged
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.replica.inputs import Asked, Create, Input, Move, Wish
from coordinator.replica.inputs import Submit as SubmitInput
from coordinator.replica.leadership import Leadership
from coordinator.replica.proposals import OnAnswer, Proposal
from coordinator.replica.submitting import would
from coordinator.replica.together import placed_at_once


def asked_of(inputs: Iterable[Input]) -> frozenset[TaskId]:
    """The tasks for which callers ask something in this turn."""
    found: set[TaskId] = set()
    for one in inputs:
        for asked in one.asked if isinstance(one, SubmitInput) else ():
            if not isinstance(asked.wish, Create):  # nearly all are
                parts = _parts(asked.wish)
                found.update(w.task_id for w in parts if isinstance(w, WishCommand | RunNow))
    return frozenset(found)


def _parts(wish: Wish) -> Sequence[Wish]:
    return wish.changes if isinstance(wish, ChangeTasks) else (wish,)


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
    if isinstance(wish, UpdateTask | RetryTask):
        leading.edits.begin(asked, wish, waiter)
        return
    if isinstance(wish, ChangeTasks):
        leading.together.begin(asked, wish, waiter)
        return
    if isinstance(wish, RunNow) and not asked.dry_run:
        _run_now(leading, asked, wish, waiter)
        return
    unwise = _unwise(leading, state, asked, wish)
    if unwise is not None:
        waiter(unwise)
        return
    leading.submit(asked, wish, waiter)


def withdraw(leading: Leadership, waiters: Sequence[OnAnswer]) -> bool:
    """Take back the wishes of these waiters, all or none: only what is still being looked at can be."""
    looking = leading.creations, leading.edits, leading.together
    if not all(any(where.is_looking_at(one) for where in looking) for one in waiters):
        return False
    for one in waiters:
        for where in looking:
            where.withdraw(one)
    return True


def _run_now(leading: Leadership, asked: Asked, wish: RunNow, waiter: OnAnswer) -> None:
    held_back = leading.proposals.gate(wish)
    if held_back is not None:
        waiter(held_back)
        return
    wish, claims = placed_at_once(wish, leading.bench)
    request = Request(wish, asked.request_id, asked.content, asked.asker)
    leading.proposals.add(Proposal(request, waiter, claims))


def _move(state: ClusterState, wish: Move, waiter: OnAnswer) -> UnassignTask | None:
    """The command for the run that is there now; None when the answer is known already."""
    task = state.tasks.get(wish.task_id)
    if task is None:
        waiter(Unlogged(Refusal.TASK_NOT_FOUND, wish.task_id))
        return None
    if not task.has_node and not task.is_terminal:
        waiter(Accepted(task_id=task.id, unchanged=True))
        return None
    return UnassignTask(wish.task_id, task.allocation_id, wish.if_revision, wish.reason)


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
    expected = would(state, wish)
    is_new = isinstance(expected, Accepted) and not expected.unchanged
    return leading.member_changes.objection(wish) if is_new else None
