"""An index of tasks by an instant that each may have: a heap in which entries that no longer hold are left to go stale."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping

from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.tasks import Task

SLACK = 1_000  # stale entries that may be held besides one for each true one


class Timers:
    """`of` says the instant of a task, None for none: an entry holds as long as the record says the same."""

    def __init__(self, tasks: Mapping[TaskId, Task], of: Callable[[Task], Instant | None]) -> None:
        self._tasks = tasks
        self._of = of
        self._heap: list[tuple[Instant, TaskId]] = []

    def put(self, task: Task, live: int) -> None:
        """Note the task's instant, if it has one. `live`: how many tasks may have one.

        Stale entries leave by themselves when their time comes, or here when they prevail.
        """
        when = self._of(task)
        if when is None:
            return
        heapq.heappush(self._heap, (when, task.id))
        if len(self._heap) > 2 * live + SLACK:
            true = [entry for entry in self._heap if self._holds(entry) is not None]
            self._heap[:] = sorted(dict.fromkeys(true))

    def until(self, at: Instant, limit: int) -> list[Task]:
        """Tasks whose instant is not after `at`, earliest first; at most `limit`. They stay in the index."""
        found: list[Task] = []
        kept: list[tuple[Instant, TaskId]] = []
        heap = self._heap
        while heap and heap[0][0] <= at and len(found) < limit:
            entry = heapq.heappop(heap)
            task = self._holds(entry)
            if task is not None and (not kept or kept[-1] != entry):
                found.append(task)
                kept.append(entry)
        for entry in kept:
            heapq.heappush(heap, entry)
        return found

    def among(self, ids: Iterable[TaskId], at: Instant) -> list[Task]:
        """Those of these tasks whose instant is not after `at`, earliest first."""
        found: list[tuple[Instant, TaskId]] = []
        for task_id in ids:
            task = self._tasks.get(task_id)
            when = self._of(task) if task is not None else None
            if when is not None and when <= at:
                found.append((when, task_id))
        return [self._tasks[task_id] for _, task_id in sorted(found)]

    def next(self) -> Instant | None:
        """The earliest instant of any task."""
        heap = self._heap
        while heap:
            if self._holds(heap[0]) is not None:
                return heap[0][0]
            heapq.heappop(heap)
        return None

    def _holds(self, entry: tuple[Instant, TaskId]) -> Task | None:
        task = self._tasks.get(entry[1])
        return task if task is not None and self._of(task) == entry[0] else None
