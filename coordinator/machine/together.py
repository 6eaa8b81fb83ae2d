"""Changes of many tasks that are one command: all of them, or none (TM-32)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from coordinator.machine.commands import Change, ChangeTasks
from coordinator.machine.outcome import Accepted, Outcome, Refusal, Refused
from coordinator.model.events import TaskChanged
from coordinator.model.ids import AllocationId
from coordinator.model.state import ClusterState

Apply = Callable[[ClusterState, Change], Outcome]


def change_tasks(state: ClusterState, command: ChangeTasks, apply: Apply) -> Outcome:
    """In their order, up to the first that is refused: that one is the answer, and nothing has happened.

    `apply` is the law for one of them. What follows from the end of a task, follows when all are changed.
    """
    if not command.changes:  # a repeat, whose first answer was forgotten on its way here
        return Refused(Refusal.CHOICE_STALE, "the first answer is not known any more")
    events, allocation_id = len(state.events), state.last_allocation_id
    parts: list[Accepted] = []
    for change in command.changes:
        outcome = apply(state, change)
        if isinstance(outcome, Refused):
            _undo(state, events, allocation_id)
            return replace(outcome, task_id=change.task_id)
        parts.append(outcome)
    return Accepted(unchanged=all(part.unchanged for part in parts), parts=tuple(parts))


def _undo(state: ClusterState, since: int, allocation_id: AllocationId) -> None:
    """A change of a task touches records and the last allocation id, nothing else."""
    for event in reversed(state.events[since:]):
        if isinstance(event, TaskChanged):
            _put_back(state, event)
    del state.events[since:]
    state.last_allocation_id = allocation_id


def _put_back(state: ClusterState, event: TaskChanged) -> None:
    if event.old is not None:
        state.put_task(event.old)
    elif event.new is not None:
        state.drop_task(event.new.id)
