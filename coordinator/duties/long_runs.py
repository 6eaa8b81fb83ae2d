"""Units held by runs without a schedule that are older than ten minutes (TM-79): such tasks may well be endless."""

from __future__ import annotations

from coordinator.model.ids import TaskId
from coordinator.model.instants import MINUTE, Instant
from coordinator.model.tasks import Task

LONG_MS = 10 * MINUTE


class LongRuns:
    """Runs stand in the order of their placement, so the oldest are met first; each is moved over once."""

    def __init__(self) -> None:
        self._young: dict[TaskId, tuple[Instant, int]] = {}
        self._long: dict[TaskId, int] = {}
        self._units = 0

    def follow(self, old: Task | None, new: Task | None) -> None:
        had = old if old is not None and _runs(old) else None
        has = new if new is not None and _runs(new) else None
        if had is not None:
            if has is not None and had.allocation_id == has.allocation_id:
                return
            if self._young.pop(had.id, None) is None:
                self._units -= self._long.pop(had.id, 0)
        if has is not None:
            self._young[has.id] = (has.assigned_at, has.policy.cost)

    def units(self, at: Instant) -> int:
        """At this time, which never falls."""
        while self._young:
            task_id, (assigned_at, cost) = next(iter(self._young.items()))
            if at - assigned_at <= LONG_MS:
                break
            del self._young[task_id]
            self._long[task_id] = cost
            self._units += cost
        return self._units


def _runs(task: Task) -> bool:
    return task.assignment.node is not None and task.spec.schedule is None
