"""Tasks that are wanted, due and not started (TM-61), by executor: how many, what they cost, since when."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator

import msgspec

from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant
from coordinator.model.schedules import Occurrence
from coordinator.model.tasks import Status, Task

OVERDUE = frozenset({Status.UNASSIGNED, Status.ASSIGNED})
HEAP_SLACK = 1_000  # entries of tasks that have gone, beside one for each that is there


class Backlog(msgspec.Struct, frozen=True, gc=False):
    """`since`: when the oldest of them became due; None where there is none."""

    tasks: int = 0
    units: int = 0
    since: Instant | None = None


class _OfExecutor:
    """Entries of the heap whose task has gone stay until they are met, or prevail."""

    def __init__(self) -> None:
        self.wanted: dict[TaskId, tuple[Instant, int]] = {}
        self.units = 0
        self._heap: list[tuple[Instant, TaskId]] = []

    def add(self, task_id: TaskId, since: Instant, cost: int) -> None:
        self.wanted[task_id] = (since, cost)
        self.units += cost
        if len(self._heap) > 2 * len(self.wanted) + HEAP_SLACK:
            self._heap = sorted((since, one) for one, (since, _) in self.wanted.items())
        else:
            heapq.heappush(self._heap, (since, task_id))

    def oldest(self) -> Instant | None:
        while self._heap:
            since, task_id = self._heap[0]
            found = self.wanted.get(task_id)
            if found is not None and found[0] == since:
                return since
            heapq.heappop(self._heap)
        return None


class Overdue:
    """Follows the records; nothing here walks them."""

    def __init__(self) -> None:
        self._by_executor: dict[str, _OfExecutor] = {}

    def follow(
        self, old: Task | None, new: Task | None, at: Instant, *, begun: bool = False
    ) -> Instant | None:
        """Returns since when a task was due that is so no longer: its code has begun, or it is not wanted any more.

        `begun`: it did so, although the record shows only that it is to run again.
        """
        was = old is not None and old.status in OVERDUE
        is_wanted = new is not None and new.status in OVERDUE
        since = self._discard(old) if old is not None and was and (begun or not is_wanted) else None
        if new is not None and is_wanted and (begun or not was):
            self._add(new, due_since(old, new, at))
        return since

    def since(self, task: Task) -> Instant | None:
        """When a task became due that is so now."""
        found = self._by_executor.get(task.executor)
        wanted = found.wanted.get(task.id) if found is not None else None
        return wanted[0] if wanted is not None else None

    def executors(self) -> Iterator[str]:
        """Those that have any, in order."""
        return iter(sorted(name for name, one in self._by_executor.items() if one.wanted))

    def of(self, executor: str) -> Backlog:
        found = self._by_executor.get(executor)
        if found is None:
            return Backlog()
        return Backlog(len(found.wanted), found.units, found.oldest())

    def total(self, paused: Collection[str] = (), *, held: bool = False) -> Backlog:
        """Of all executors but the paused ones; `held`: of the paused ones alone."""
        parts = [self.of(one) for one in self._by_executor if (one in paused) == held]
        since = [part.since for part in parts if part.since is not None]
        tasks, units = sum(part.tasks for part in parts), sum(part.units for part in parts)
        return Backlog(tasks, units, min(since, default=None))

    def _add(self, task: Task, since: Instant) -> None:
        found = self._by_executor.get(task.executor)
        if found is None:  # as many as executors were ever offered
            found = self._by_executor[task.executor] = _OfExecutor()
        found.add(task.id, since, task.policy.cost)

    def _discard(self, task: Task) -> Instant | None:
        found = self._by_executor.get(task.executor)
        wanted = found.wanted.pop(task.id, None) if found is not None else None
        if found is None or wanted is None:
            return None
        found.units -= wanted[1]
        return wanted[0]


def due_since(old: Task | None, new: Task, at: Instant) -> Instant:
    """From when a task wants a node that did not before: what it waited for has come, or something happened just now."""
    occurrence = occurrence_of(new)
    if occurrence is not None and occurrence != occurrence_of(old):
        return min(occurrence.due_at or at, at)
    if old is not None and old.status is Status.WAITING and old.wake_at:
        return min(old.wake_at, at)
    return at


def occurrence_of(task: Task | None) -> Occurrence | None:
    """The one that is pending or runs, of a series."""
    return task.series.occurrence if task is not None and task.series is not None else None
