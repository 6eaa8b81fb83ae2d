"""Tasks that wait for others to end (TM-67), and keys of which one task at a time may be active (TM-66)."""

from __future__ import annotations

from msgspec.structs import replace

from coordinator.machine.commands import CreateTask
from coordinator.machine.outcome import Accepted, Refusal, Refused
from coordinator.machine.records import finished, store
from coordinator.model.events import Event, TaskChanged
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Assignment, Code, Status, Task, TaskSpec

DEPENDENCY_FAILED = "dependency_failed"


def deduplicated(state: ClusterState, command: CreateTask) -> Accepted | None:
    """The active task of this executor with this key, if there is one: nothing is made beside it."""
    key = command.spec.dedup_key
    found = state.dedup.get((command.executor, key)) if key else None
    if found is None or found == command.task_id:
        return None
    task = state.tasks[found]
    return Accepted(task.id, task.allocation_id, unchanged=True, deduplicated=True)


def refuse_dependencies(state: ClusterState, command: CreateTask) -> Refused | None:
    """Refuse what waits for tasks that are not there, that never end, or for itself; and a series that waits."""
    if command.spec.schedule is not None:
        refused = refuse_schedule(state, command.task_id, command.spec.after)
        if refused is not None:
            return refused
    for one in command.spec.after:
        task = state.tasks.get(TaskId(one))
        if task is None or one == command.task_id:
            return Refused(Refusal.UNKNOWN_DEPENDENCY, f"after: no task {one} to wait for")
        if task.spec.schedule is not None:
            detail = f"after: {one} has a schedule; only one-off tasks can be waited for"
            return Refused(Refusal.UNKNOWN_DEPENDENCY, detail)
    return None


def open_dependencies(state: ClusterState, spec: TaskSpec) -> tuple[str, ...]:
    """Ids that the task still waits for. Records that are gone had ended in time, or it would have failed with them."""
    return tuple(one for one in spec.after if _is_open(state.tasks.get(TaskId(one)), spec))


def failed_dependency(state: ClusterState, spec: TaskSpec) -> str:
    """The first of them that ended in a way that this task does not put up with; empty: none."""
    for one in spec.after:
        task = state.tasks.get(TaskId(one))
        if task is not None and _is_failure(task, spec):
            return one
    return ""


def waits_for(ids: tuple[str, ...]) -> Assignment:
    """The reason of a task that waits for these. Canonical: in the order of the names (PT-8)."""
    return Assignment(code=Code.DEPENDENCY, explanation=" ".join(sorted(ids)))


def refuse_schedule(
    state: ClusterState, task_id: TaskId, after: tuple[str, ...] = ()
) -> Refused | None:
    """Refuse a schedule to who waits for others (`after`), or is waited for, which would never be over."""
    if after:
        detail = f"only a task that runs once can wait for others ({', '.join(after)})"
        return Refused(Refusal.INVALID_SCHEDULE, detail)
    if waiting := state.dependents.get(task_id):
        detail = f"{min(waiting)} waits for it; only a task that runs once can be waited for"
        return Refused(Refusal.INVALID_SCHEDULE, detail)
    return None


def release_dependents(state: ClusterState, event: Event) -> None:
    """A task has just ended: who waited for it goes on, or fails with it. Its record may be gone by now."""
    if not isinstance(event, TaskChanged) or event.new is None or not event.new.is_terminal:
        return
    if event.old is not None and event.old.is_terminal:
        return
    ended = event.new
    for task_id in sorted(state.dependents.get(ended.id, ())):
        task = state.tasks[task_id]
        if _is_failure(ended, task.spec):
            store(state, failed_with(state, task, ended.id))
        elif task.status is Status.WAITING:
            settled = settled_dependencies(state, task)
            state.put_task(replace(settled, updated_at=state.at, revision=state.revision))


def failed_with(state: ClusterState, task: Task, blamed: str) -> Task:
    """The record of a task whose dependency has ended in a way that it does not put up with."""
    why = Assignment(code=Code.FINISHED, explanation=f"{DEPENDENCY_FAILED}: {blamed}")
    over = replace(task, assignment=why, end_reason=DEPENDENCY_FAILED)
    return finished(state, over, Status.FAILED)


def settled_dependencies(state: ClusterState, task: Task) -> Task:
    """The record of a wanted task without a node: it waits for others, for its time, or from now on for a place."""
    left = () if task.waited else open_dependencies(state, task.spec)
    if left:
        return replace(task, status=Status.WAITING, assignment=waits_for(left), wake_at=0)
    task = replace(task, waited=bool(task.spec.after))
    if task.due_at > state.at:
        why = Assignment(code=Code.NOT_DUE)
        return replace(task, status=Status.WAITING, assignment=why, wake_at=task.due_at)
    now = Assignment()
    return replace(task, status=Status.UNASSIGNED, assignment=now, wake_at=0, due_at=state.at)


def _is_open(task: Task | None, spec: TaskSpec) -> bool:
    if task is None or task.status is Status.SUCCEEDED:
        return False
    return not (_takes_any_end(spec) and task.is_terminal)


def _is_failure(task: Task, spec: TaskSpec) -> bool:
    return task.status in (Status.FAILED, Status.CANCELLED) and not _takes_any_end(spec)


def _takes_any_end(spec: TaskSpec) -> bool:
    return spec.until == "finished" or spec.on_dependency_failure == "run"
