"""Progress and log lines of runs in progress: the leader's memory, never the log, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.instants import Instant
from coordinator.replica.sayings import LiveLog, LiveProgress

LINES_KEPT = 500  # per run
RUNS_KEPT = 20_000


class ProgressNow(msgspec.Struct, frozen=True, gc=False):
    done: float
    total: float | None
    message: str
    at: Instant


def progress_of_bytes(kept: bytes) -> ProgressNow:
    """As it is kept with the end of a lost run. Raises DecodeError."""
    return msgspec.json.decode(kept, type=ProgressNow)


class _Run(msgspec.Struct, gc=False):
    allocation_id: AllocationId
    progress: ProgressNow | None
    lines: deque[LiveLog]
    dropped: int


class LiveBoard:
    """By task: what its current run said last."""

    def __init__(self) -> None:
        self._runs: dict[TaskId, _Run] = {}

    def progress(self, said: Iterable[LiveProgress], at: Instant) -> list[TaskId]:
        touched = []
        for one in said:
            run = self._run(one.task_id, one.allocation_id)
            if run is not None:
                run.progress = ProgressNow(one.done, one.total, one.message, at)
                touched.append(one.task_id)
        return touched

    def logs(self, said: Iterable[LiveLog]) -> list[TaskId]:
        touched = []
        for one in said:
            run = self._run(one.task_id, one.allocation_id)
            if run is not None:
                if len(run.lines) == LINES_KEPT:
                    run.dropped += 1
                run.lines.append(one)
                touched.append(one.task_id)
        return touched

    def has_heard(self, task_id: TaskId, allocation_id: AllocationId) -> bool:
        """Whether this run has said anything."""
        run = self._runs.get(task_id)
        return run is not None and run.allocation_id == allocation_id

    def progress_of(self, task_id: TaskId, allocation_id: AllocationId) -> ProgressNow | None:
        run = self._runs.get(task_id)
        return run.progress if run is not None and run.allocation_id == allocation_id else None

    def lines_of(self, task_id: TaskId, allocation_id: AllocationId) -> tuple[list[LiveLog], int]:
        """Lines still here, and how many were dropped before them."""
        run = self._runs.get(task_id)
        if run is None or run.allocation_id != allocation_id:
            return [], 0
        return list(run.lines), run.dropped

    def forget(self, task_id: TaskId) -> None:
        self._runs.pop(task_id, None)

    def _run(self, task_id: TaskId, allocation_id: AllocationId) -> _Run | None:
        run = self._runs.get(task_id)
        if run is None or run.allocation_id < allocation_id:
            if run is None and len(self._runs) >= RUNS_KEPT:
                self._runs.pop(next(iter(self._runs)))
            run = self._runs[task_id] = _Run(allocation_id, None, deque(maxlen=LINES_KEPT), 0)
        return run if run.allocation_id == allocation_id else None
