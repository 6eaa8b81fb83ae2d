"""A caller's wish becomes a proposal, or is answered at once where nothing can come of it."""

from __future__ import annotations

from coordinator.machine.commands import Command, Request, UnassignTask
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.model.ids import TaskId
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
        command = _move(leading, state, wish, waiter)
        if command is None:
            return
        wish = command
    if asked.dry_run:
        waiter(_would(state, wish))
        return
    leading.proposals.add(Proposal(Request(wish, asked.request_id, asked.content), waiter))


def _move(
    leading: Leadership, state: ClusterState, wish: Move, waiter: OnAnswer
) -> UnassignTask | None:
    """The command for the run that is there now; None when the answer is known already."""
    task = state.tasks.get(wish.task_id)
    if task is None:
        waiter(Refused(Refusal.TASK_NOT_FOUND, wish.task_id))
        return None
    if task.assignment.node is None:
        waiter(Accepted(task_id=task.id, unchanged=True))
        return None
    avoid = (*wish.avoid, task.assignment.node)
    leading.bench.view.exclusions.moved(task.id, avoid, leading.bench.now.steady)
    return UnassignTask(wish.task_id, task.allocation_id, wish.if_revision)


def _would(state: ClusterState, command: Command) -> Accepted | Refused:
    """A dry run of a change: whether there is such a task at all."""
    task_id = TaskId(getattr(command, "task_id", ""))
    if task_id and task_id not in state.tasks:
        return Refused(Refusal.TASK_NOT_FOUND, task_id)
    return Accepted(task_id=task_id)
