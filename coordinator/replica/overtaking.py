"""Wishes and reports that take fire times away: from their stamp on their series fires no more, or otherwise.

A fire time that has come before has to have its fate all the same (G9), and only the leader knows a timetable. So before
such a command goes into an entry, all that has come by the stamp is decided. What is due may be several fire times: the
leader had no time, its disk was slow, or its clock was far off, and none of them is late yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coordinator.machine.commands import (
    CancelTask,
    ChangeTasks,
    Command,
    CreateTask,
    EndRun,
    JoinNode,
    LoseNode,
    LoseRuns,
    PauseTask,
    StartRun,
    UpdateTask,
)
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import RunOutcome

SUCCESSES = (RunOutcome.SUCCEEDED, RunOutcome.WARNING)


def taken_from(command: Command, state: ClusterState) -> tuple[TaskId, ...]:
    """The tasks whose fire times this command may take away."""
    match command:
        case CreateTask() | StartRun():  # nearly all
            return ()
        case PauseTask() | UpdateTask():
            return (command.task_id,)
        case CancelTask():
            return (command.task_id, *_descendants(command.task_id, state))
        case ChangeTasks():
            return tuple(one for part in command.changes for one in taken_from(part, state))
        case EndRun():
            return (command.task_id,) if _ends_more_than_a_run(command, state) else ()
        case LoseNode() | JoinNode():
            return _failing(state.on_node.get(command.name, ()), state)
        case LoseRuns():
            return _failing((task_id for task_id, _ in command.runs), state)
        case _:
            return ()


def _descendants(task_id: TaskId, state: ClusterState) -> Iterator[TaskId]:
    """They are cancelled with it, however many generations. A record that came again may belong to a child of its former self."""
    seen = {task_id}
    open_ones = [iter(state.children.get(task_id, ()))]
    while open_ones:
        child = next(open_ones[-1], None)
        if child is None:
            open_ones.pop()
        elif child not in seen:
            seen.add(child)
            yield child
            open_ones.append(iter(state.children.get(child, ())))


def _ends_more_than_a_run(report: EndRun, state: ClusterState) -> bool:
    """Whatever it reports but a success may be recorded as a failure, by the reason why it was asked to stop (PT-16)."""
    if report.then or report.schedule is not None or report.permanent:
        return True
    return report.outcome not in SUCCESSES and _pauses(report.task_id, state)


def _failing(ids: Iterable[TaskId], state: ClusterState) -> tuple[TaskId, ...]:
    """Those of which a lost run counts as a failure that may be one too many."""
    return tuple(one for one in ids if _pauses(one, state) and _fails_if_lost(one, state))


def _fails_if_lost(task_id: TaskId, state: ClusterState) -> bool:
    task = state.tasks[task_id]
    return (task.next_policy or task.policy).on_lost == "fail"


def _pauses(task_id: TaskId, state: ClusterState) -> bool:
    task = state.tasks.get(task_id)
    schedule = task.spec.schedule if task is not None else None
    return schedule is not None and schedule.pause_after_failures > 0
