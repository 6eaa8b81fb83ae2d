"""The runs table follows the events: the same rows on every member, from the same entries."""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.model.events import Event, RunEnded, TaskChanged
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.tasks import Status, Task
from coordinator.replica.effects import RunWrite


def rows_of(
    events: Iterable[Event], index: int
) -> tuple[list[RunWrite], list[tuple[TaskId, AllocationId]]]:
    """Rows to upsert, and (task id, up to allocation id) whose rows go with their record."""
    rows: list[RunWrite] = []
    gone: list[tuple[TaskId, AllocationId]] = []
    for event in events:
        match event:
            case TaskChanged(_, Task() as new):
                rows += _of_change(event.old, new, index)
            case TaskChanged(Task() as old, None):
                gone.append((old.id, old.allocation_id))
            case RunEnded():
                rows.append(_of_end(event, index))
            case _:
                pass
    return rows, gone


def _of_change(old: Task | None, new: Task, index: int) -> tuple[RunWrite, ...]:
    """A row when a run begins, and its start when user code does; else none."""
    if new.assignment.node is None:
        return ()
    if old is None or old.allocation_id != new.allocation_id:
        return (_of_begin(new, index),)
    if new.status is Status.RUNNING and old.status is not Status.RUNNING:
        return (RunWrite(new.id, new.allocation_id, index, started_at=new.started_at),)
    return ()


def _of_begin(new: Task, index: int) -> RunWrite:
    return RunWrite(
        new.id,
        new.allocation_id,
        index,
        executor=new.executor,
        attempt=new.attempt,
        cause=new.cause,
        node=new.assignment.node,
        incarnation=new.assignment.incarnation,
        due_at=new.due_at,
        assigned_at=new.assigned_at,
    )


def _of_end(event: RunEnded, index: int) -> RunWrite:
    return RunWrite(
        event.task_id,
        event.allocation_id,
        index,
        started_at=event.started_at or None,
        ended_at=event.ended_at,
        outcome=event.outcome.value,
        reported=event.reported or None,
        reason=event.reason,
        error=event.error,
        result=event.result,
        logs=event.logs,
    )
