"""What callers ask for: the wish behind each kind of operation, and what a look shows of a task, a setting or a limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from coordinator.machine.commands import (
    CancelRun,
    CancelTask,
    PauseTask,
    RemoveLimit,
    ResumeTask,
    RetryTask,
    RunNow,
    SetLimit,
    SetSettings,
    UpdateTask,
)
from coordinator.model.ids import TaskId
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task, TaskSpec
from coordinator.replica.inputs import Create, Move, Wish
from tests.simulation.dice import Dice
from tests.simulation.executors import LIMITED
from tests.simulation.history import Operation

REGISTERS = ("retention.failed", "retention.succeeded", "nodes.forget_after")
KINDS = (
    *["create"] * 34, *["pooled"] * 22, *["cancel"] * 9, *["purge"] * 5, *["read"] * 26,
    *["stale"] * 8, *["move"] * 6, *["setting"] * 9, *["look"] * 9, *["update"] * 10,
    *["priority"] * 5, *["pause"] * 7, *["resume"] * 11, *["retry"] * 9, *["cancel_run"] * 6,
    *["limit"] * 4, *["look_limit"] * 4, *["series"] * 18, *["reschedule"] * 6, *["run_now"] * 7,
    *["halt"] * 3, *["go_on"] * 12,
)  # fmt: skip
READS = ("read", "stale", "look", "look_limit")
LOGGED = (
    "create", "cancel", "purge", "setting", "update", "priority", "pause", "resume", "retry", "cancel_run", "limit",
    "series", "reschedule", "run_now",
)  # fmt: skip
Seen = tuple[str, str, str, int] | None  # what was asked, desired, how it ended, priority


def argument_of(kind: str, dice: Dice) -> Any:
    """What goes with an operation on a task that is there, a setting or a limit."""
    match kind:
        case "update":
            return dice.below(3), dice.percent(30)  # params, restart
        case "priority":
            return dice.between(1, 100)
        case "pause" | "retry" | "cancel_run":
            return dice.percent(50)  # finish, again, rerun
        case "setting":
            return f"{dice.between(1, 29)}d"
        case "limit":
            return dice.pick((None, 0, 1, 3, 4))
        case "resume":
            return dice.percent(30)  # no catching up
        case "run_now":
            return dice.pick(("", "", "queue", "replace"))
        case _:
            return None


OF_ONE_TASK: Mapping[str, Callable[[TaskId, Any], Wish]] = {
    "cancel": lambda task_id, _: CancelTask(task_id),
    "purge": lambda task_id, _: CancelTask(task_id, purge=True),
    "move": lambda task_id, _: Move(task_id),
    "pause": lambda task_id, finish: PauseTask(task_id, finish=finish),
    "resume": lambda task_id, late: ResumeTask(task_id, no_catch_up=bool(late)),
    "run_now": lambda task_id, how: RunNow(task_id, queue=how == "queue", replace=how == "replace"),
    "retry": lambda task_id, again: RetryTask(task_id, again=again),
    "cancel_run": lambda task_id, rerun: CancelRun(task_id, rerun=rerun),
}


def wish_of(operation: Operation, state: ClusterState, by: str) -> Wish:
    """As the door of that member makes it: an edit is merged into the record that it has."""
    task_id, argument = TaskId(operation.key), operation.argument
    match operation.kind:
        case "create":
            executor, number, paused, again = argument
            return Create(task_id, executor, params_of(number), TaskSpec(), paused, False, again)
        case "series":
            executor, number, paused, schedule = argument
            return Create(task_id, executor, params_of(number), TaskSpec(schedule=schedule), paused)
        case "update" | "priority" | "reschedule":
            return _edit(operation, task_id, state.tasks.get(task_id))
        case "limit":
            where = "cluster", operation.key
            return RemoveLimit(*where) if argument is None else SetLimit(*where, argument, by)
        case "setting":
            return SetSettings(((operation.key, argument),), by=by)
        case kind:
            return OF_ONE_TASK[kind](task_id, argument)


def _edit(operation: Operation, task_id: TaskId, task: Task | None) -> UpdateTask:
    edited = task.edited_revision if task is not None else 0
    if operation.kind == "update":
        number, restart = operation.argument
        return UpdateTask(task_id, edited, params_of(number), restart=restart)
    spec = task.spec if task is not None else TaskSpec()
    field = "priority" if operation.kind == "priority" else "schedule"
    spec = replace(spec, **{field: operation.argument})
    return UpdateTask(task_id, edited, spec=spec)


def params_of(number: int) -> bytes:
    return b'{"n":%d}' % number


def look(operation: Operation, state: ClusterState) -> Any:
    """What this state shows of the key."""
    match operation.kind:
        case "look":
            return state.settings.text(operation.key)
        case "look_limit":
            found = state.limit_overrides.get(("cluster", operation.key))
            return found.max if found is not None else None
        case _:
            return seen(state, operation.key)


def seen(state: ClusterState, task_id: str) -> Seen:
    """What a read tells of a task, as far as callers alone decide it, and whether it is over."""
    task = state.tasks.get(TaskId(task_id))
    if task is None:
        return None
    ended = task.status.value if task.is_terminal else ""
    return (
        f"{task.executor} {task.params.decode()}",
        task.desired.value,
        ended,
        task.spec.priority or 0,
    )


def runs_allowed(operations: list[Operation]) -> int:
    """No more runs than so many may hold the limit, whoever changed it when."""
    asked = [o.argument for o in operations if o.kind == "limit" and o.argument is not None]
    return max(LIMITED.declared, *asked) if asked else LIMITED.declared
