"""What an executor is shown of its own tasks: all of them once, then with each question what has changed since.

The helper process keeps what it was told, so a question costs the change and not the number of tasks (design section
14). It answers "stale" if it missed something, a start of its own for instance; then the tale begins anew. Bounds: the
newest 5,000 unfinished tasks, and of their params the newest that take 4 MiB together; what is left out is said.
"""

from __future__ import annotations

from heapq import nlargest

import msgspec

from coordinator.model.ids import TaskId
from coordinator.model.limits import MIB
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Task

TASKS_SHOWN = 5_000
ROWS_BYTES = PARAMS_BYTES = 4 * MIB
ROW_BYTES = 200  # of a task without labels and params, roughly
CHANGES_KEPT = 2 * TASKS_SHOWN  # beyond them it is less to tell all of it again


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One task. `params`: JSON; empty: they are left out; None: as they were told before."""

    id: str
    status: str
    node: str | None
    labels: dict[str, str]
    params: bytes | None


class Words(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What has changed from word number `since` (0: forget all you know) to number `number`.

    `left_out`: how many unfinished tasks of the executor are not shown.
    """

    since: int
    number: int
    rows: tuple[Row, ...]
    gone: tuple[str, ...]
    left_out: int


class Shown:
    """The tales of one term, by executor; begun when one is first asked."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._tales: dict[str, _Tale] = {}
        self._last = 0

    def follow(self, old: Task | None, new: Task | None) -> None:
        """A task was created, changed or removed."""
        for task, count in ((old, -1), (new, 1)):
            tale = self._tales.get(task.executor) if task is not None else None
            if task is None or tale is None:
                continue
            tale.mark(task, count)
            if len(tale.changed) > CHANGES_KEPT:
                del self._tales[task.executor]

    def words(self, executor: str) -> Words:
        """For the next question to this executor; they count as told."""
        tale = self._tales.get(executor)
        if tale is not None:
            tale.catch_up(self._state)
        if tale is None or tale.has_room_again():
            tale = self._tales[executor] = _Tale(self._state, executor)
        self._last += 1
        return tale.words(self._state, self._last)

    def begin_anew(self, executor: str, number: int) -> None:
        """The word of this number came to somebody who had missed those before it."""
        tale = self._tales.get(executor)
        if tale is not None and number >= tale.began:
            del self._tales[executor]


class _Tale:
    """What the helper knows once the next words are told. All dicts have the oldest task first."""

    def __init__(self, state: ClusterState, executor: str) -> None:
        every = (state.tasks[task_id] for task_id in state.of_executor.get(executor, ()))
        unfinished = [task for task in every if not task.is_terminal]
        self.changed: dict[TaskId, None] = {}
        self.began = self._number = 0
        self._executor = executor
        self._unfinished = len(unfinished)
        self._rows: dict[TaskId, int] = {}  # shown tasks, and what their rows weigh
        self._rows_bytes = 0
        self._params: dict[TaskId, bytes] = {}  # those that are shown
        self._params_bytes = 0
        self._news: dict[
            TaskId, bytes | None
        ] = {}  # rows to be told, with the word on their params
        self._gone: dict[TaskId, None] = {}
        for task in reversed(nlargest(TASKS_SHOWN, unfinished, key=_age)):
            self._take(task)
        self._make_room()

    def mark(self, task: Task, count: int) -> None:
        self.changed[task.id] = None
        if not task.is_terminal:
            self._unfinished += count

    def has_room_again(self) -> bool:
        """So much has ended that what was left out for want of room would fit."""
        few_rows = len(self._rows) < 0.8 * TASKS_SHOWN and self._rows_bytes < 0.8 * ROWS_BYTES
        few_params = self._params_bytes < 0.5 * PARAMS_BYTES
        return (few_rows and len(self._rows) < self._unfinished) or (
            few_params and len(self._params) < len(self._rows)
        )

    def catch_up(self, state: ClusterState) -> None:
        """Look at what has changed."""
        for task_id in self.changed:
            task = state.tasks.get(task_id)
            if task is None or task.is_terminal or task.executor != self._executor:
                self._drop(task_id)
            else:
                self._take(task)
        self.changed.clear()
        self._make_room()

    def words(self, state: ClusterState, number: int) -> Words:
        since, self._number = self._number, number
        self.began = self.began or number
        rows = tuple(_row(state.tasks[task_id], said) for task_id, said in self._news.items())
        gone = tuple(self._gone)
        self._news, self._gone = {}, {}
        return Words(since, number, rows, gone, self._unfinished - len(self._rows))

    def _take(self, task: Task) -> None:
        weight = ROW_BYTES + sum(len(k) + len(v) for k, v in task.spec.labels)
        is_new = task.id not in self._rows
        self._rows_bytes += weight - self._rows.get(task.id, 0)
        self._rows[task.id] = weight
        self._gone.pop(task.id, None)
        if not is_new and self._params.get(task.id) is task.params:
            self._news.setdefault(task.id, None)
        elif is_new or task.id in self._params:
            self._forget_params(task.id)
            self._params[task.id] = task.params
            self._params_bytes += len(task.params)
            self._news[task.id] = task.params or b"{}"
        else:
            self._news[task.id] = b""

    def _drop(self, task_id: TaskId) -> None:
        weight = self._rows.pop(task_id, None)
        if weight is not None:
            self._rows_bytes -= weight
            self._forget_params(task_id)
            self._news.pop(task_id, None)
            self._gone[task_id] = None

    def _forget_params(self, task_id: TaskId) -> None:
        self._params_bytes -= len(self._params.pop(task_id, b""))

    def _make_room(self) -> None:
        """The oldest go first."""
        while len(self._rows) > TASKS_SHOWN or self._rows_bytes > ROWS_BYTES:
            self._drop(next(iter(self._rows)))
        while self._params_bytes > PARAMS_BYTES:
            oldest = next(iter(self._params))
            self._forget_params(oldest)
            self._news[oldest] = b""


def _age(task: Task) -> tuple[int, str]:
    return task.created_revision, task.id


def _row(task: Task, params: bytes | None) -> Row:
    return Row(task.id, task.status.value, task.assignment.node, dict(task.spec.labels), params)
