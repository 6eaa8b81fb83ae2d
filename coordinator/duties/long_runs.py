"""Units held by runs without a schedule that are older than ten minutes (TM-79): such tasks may well be endless."""

from __future__ import annotations

from coordinator.model.ids import NO_ALLOCATION, TaskId
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
        had, has = _runs(old), _runs(new)
        if had and has and _run_of(old) == _run_of(new):
            return
        if had and old is not None:
            self._young.pop(old.id, None)
            self._units -= self._long.pop(old.id, 0)
        if has and new is not None:
            self._young[new.id] = (new.assigned_at, new.policy.cost)

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


def _runs(task: Task | None) -> bool:
    return task is not None and task.has_node and task.spec.schedule is None


def _run_of(task: Task | None) -> int:
    return task.allocation_id if task is not None else NO_ALLOCATION
