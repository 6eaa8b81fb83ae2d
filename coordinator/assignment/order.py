"""Who comes first (PT-38): priority with ageing (TM-58), then due time, then id."""

from __future__ import annotations

from typing import NamedTuple

from coordinator.model.ids import TaskId
from coordinator.model.instants import Instant, Millis
from coordinator.model.tasks import Task

PRIORITY_MAX = 100
POINTS = 10  # gained in each period of ageing


class Place(NamedTuple):
    """Order in a pass; smaller comes first."""

    priority: int  # negated, with what waiting has added
    due: Instant
    task_id: TaskId


class Order(NamedTuple):
    """The state's time, and the period in which a waiting task gains ten points (0: never)."""

    at: Instant = 0
    ageing_ms: Millis = 0

    def place(self, priority: int, due: Instant, task_id: TaskId) -> Place:
        return Place(-self.aged(priority, due), due, task_id)

    def aged(self, priority: int, due: Instant) -> int:
        """Of two with one priority the older is never behind, so each priority has a queue of its own."""
        if not self.ageing_ms or self.at <= due:
            return priority
        return max(
            priority, min(PRIORITY_MAX, priority + POINTS * (self.at - due) // self.ageing_ms)
        )


def due_of(task: Task) -> Instant:
    """Since when it wants a node, never before it was there. A lost node's task keeps it, so that it comes before
    younger ones."""
    return max(task.due_at, task.created_at)
