"""Every acknowledged operation is explained by the history of records and the final state (G1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from coordinator.machine.outcome import Accepted
from coordinator.model.events import Event, TaskChanged
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Desired, Task
from tests.simulation.history import Operation
from tests.simulation.verbs import params_of

Step = tuple[int, Task | None, Task | None]  # revision, before, after


def objections(
    operations: Iterable[Operation], events: Mapping[int, tuple[Event, ...]], state: ClusterState
) -> Iterator[str]:
    """Acknowledged creations and cancels that nothing shows, and records that went without anybody asking."""
    steps = _by_task(events)
    asked = list(operations)
    purged = {o.key for o in asked if o.kind == "purge"}
    for operation in asked:
        if operation.state != "ok" or not isinstance(operation.result, Accepted):
            continue
        life = steps.get(operation.key, [])
        if operation.kind in ("create", "series") and operation.result.created:
            yield from _created(operation, operation.result, life)
        elif operation.kind in SHOWN:
            yield from _shown(operation, life)
    again = {o.key for o in asked if o.kind == "retry"}
    for task_id, life in steps.items():
        ran_again = any(_is_over(old) and _is_open(new) for _, old, new in life)
        if ran_again and task_id not in again:
            yield f"{task_id} runs again, and nobody asked for that"
        last = life[-1][2]
        if last is None and task_id not in purged:
            yield f"{task_id} is gone, and nobody asked for that"
        if (last is None) != (task_id not in state.tasks):
            yield f"{task_id}: the last event left {last}, the state holds another"


def _by_task(events: Mapping[int, tuple[Event, ...]]) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for revision in sorted(events):
        for event in events[revision]:
            record = (event.new or event.old) if isinstance(event, TaskChanged) else None
            if isinstance(event, TaskChanged) and record is not None:
                found.setdefault(record.id, []).append((revision, event.old, event.new))
    return found


def _created(operation: Operation, told: Accepted, life: list[Step]) -> Iterator[str]:
    made = [
        revision
        for revision, old, new in life
        if old is None and new is not None and new.allocation_id == told.allocation_id
    ]
    if len(made) != 1 or made[0] > operation.revision:
        yield f"{operation}: was made at {made}"


def _is_over(task: Task | None) -> bool:
    return task is not None and task.is_terminal


def _is_open(task: Task | None) -> bool:
    return task is not None and not task.is_terminal


SHOWN: Mapping[str, Callable[[Task, Operation], bool]] = {
    "cancel": lambda task, _: task.desired is Desired.CANCELLED,
    "purge": lambda task, _: task.desired is Desired.CANCELLED,
    "update": lambda task, asked: task.params == params_of(asked.argument[0]),
    "priority": lambda task, asked: task.spec.priority == asked.argument,
    "pause": lambda task, _: task.desired is Desired.PAUSED,
    "resume": lambda task, _: task.desired is Desired.RUNNING,
    "reschedule": lambda task, asked: task.spec.schedule == asked.argument,
    "retry": lambda task, _: task.cause == "retry",
}


def _shown(operation: Operation, life: list[Step]) -> Iterator[str]:
    """Some record up to the answer is as was asked; one that went is so for a cancel."""
    is_so, goes = SHOWN[operation.kind], operation.kind in ("cancel", "purge")
    for revision, _, new in life:
        if revision <= operation.revision and (goes if new is None else is_so(new, operation)):
            return
    yield f"{operation}: no record shows it"
