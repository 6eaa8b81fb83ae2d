"""Runs that are long over their time limit although their node should have stopped them (TM-41).

The node counts the limit; the leader asks again when nothing came for 5 s after limit and grace.
Its list is its own memory, made anew by each leader, so it asks no earlier than that.
"""

from __future__ import annotations

import heapq

from coordinator.duties.agenda import Agenda, Item
from coordinator.machine.commands import StopRun
from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.instants import SECOND, Millis
from coordinator.model.state import ClusterState
from coordinator.model.tasks import Status, StopReason, Task

AFTER_MS = 5 * SECOND


class TimeLimits:
    """Runs with a limit, by when to ask. Entries of runs that ended are dropped when met."""

    def __init__(self, state: ClusterState, steady: Millis) -> None:
        self._state = state
        self._due: list[tuple[Millis, TaskId, AllocationId]] = []
        for ids in state.on_node.values():
            for task_id in ids:
                self.follow(None, state.tasks[task_id], steady)

    def follow(self, old: Task | None, new: Task | None, steady: Millis) -> None:
        """A run began, as far as the leader knows."""
        if new is None or new.status is not Status.RUNNING or not new.policy.timeout_ms:
            return
        if old is not None and old.status is Status.RUNNING:
            return
        when = steady + new.policy.timeout_ms + new.policy.cancel_grace_ms + AFTER_MS
        heapq.heappush(self._due, (when, new.id, new.allocation_id))

    def overdue(self, steady: Millis) -> Agenda:
        """A StopRun for each that is due and still running."""
        items: list[Item] = []
        while self._due and self._due[0][0] <= steady:
            _, task_id, allocation_id = heapq.heappop(self._due)
            task = self._state.tasks.get(task_id)
            if task is None or task.allocation_id != allocation_id:
                continue
            incarnation = task.assignment.incarnation
            if task.status is Status.RUNNING and incarnation is not None:
                stop = StopRun(task_id, allocation_id, StopReason.TIMEOUT, incarnation)
                items.append(Item(stop))
        return Agenda(tuple(items), self._due[0][0] if self._due else None)
