"""Tasks that executors declare: what is declared, compared with what is there (PT-84)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from coordinator.duties.view import Declaration, LeaderView
from coordinator.model.ids import TaskId
from coordinator.model.tasks import Desired, Task


class Gap(Enum):
    MISSING = auto()  # to be created
    OUTDATED = auto()  # declared with other params since
    SURPLUS = auto()  # switched off, or declared no more
    TAKEN = auto()  # the id is that of a task that somebody started


class Difference(NamedTuple):
    """`declaration` is None where the task is surplus."""

    task_id: TaskId
    gap: Gap
    executor: str
    declaration: Declaration | None


def digest_of(params: bytes) -> str:
    """What a record remembers of the params that were declared."""
    return hashlib.blake2b(params, digest_size=8).hexdigest()


Declared = Mapping[str, tuple[Declaration, ...]]


def differences(
    view: LeaderView, declared: Declared, present: Iterable[TaskId]
) -> list[Difference]:
    """In id order. `declared`: by executor; `present`: ids of all records that are marked as declared."""
    wanted = _wanted(view, declared)
    found = [_difference(view.state.tasks.get(i), i, *wanted[i]) for i in sorted(wanted)]
    for task_id in sorted(set(present) - wanted.keys()):
        task = view.state.tasks[task_id]
        found.append(Difference(task_id, Gap.SURPLUS, task.executor, None))
    return [one for one in found if one is not None]


def _wanted(view: LeaderView, declared: Declared) -> dict[TaskId, tuple[str, Declaration]]:
    """Of two executors that declare one id the first by name has it, on every leader."""
    found: dict[TaskId, tuple[str, Declaration]] = {}
    for executor in sorted(declared):
        for one in declared[executor]:
            is_on = not one.setting or view.state.settings.is_on(one.setting, default=one.default)
            if is_on and one.task_id not in found:
                found[one.task_id] = (executor, one)
    return found


def _difference(
    task: Task | None, task_id: TaskId, executor: str, one: Declaration
) -> Difference | None:
    if task is None:
        return Difference(task_id, Gap.MISSING, executor, one)
    if not task.declared:
        return None if task.purge else Difference(task_id, Gap.TAKEN, executor, one)
    if task.executor != executor:
        return Difference(task_id, Gap.SURPLUS, task.executor, None)
    if task.is_terminal or task.desired is Desired.CANCELLED:
        return None  # an operator's cancel stays, and so does what has ended
    declared, stored = digest_of(one.params), digest_of(task.params)
    if declared == task.declared or stored != task.declared:  # params that an operator set stay
        return None
    return Difference(task_id, Gap.OUTDATED, executor, one)
