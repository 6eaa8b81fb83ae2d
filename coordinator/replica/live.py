"""Progress and log lines of runs in progress: the leader's memory, never the log, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import isfinite

import msgspec
from msgspec.structs import replace

from coordinator.model.ids import AllocationId, TaskId
from coordinator.model.instants import Instant
from coordinator.model.limits import MIB
from coordinator.replica.sayings import LiveLog, LiveProgress

LINES_KEPT = 500  # per run
RUNS_KEPT = 20_000
BYTES_KEPT = 64 * MIB  # of all runs together
LINE_BYTES = 200  # beside its texts, about


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
    size: int  # in bytes, about

    def say(self, progress: ProgressNow) -> None:
        if self.progress is not None:
            self.size -= len(self.progress.message)
        self.progress = progress
        self.size += len(progress.message)

    def add(self, line: LiveLog) -> None:
        if len(self.lines) == LINES_KEPT:
            self.drop_line()
        self.lines.append(line)
        self.size += _size(line)

    def drop_line(self) -> None:
        self.size -= _size(self.lines.popleft())
        self.dropped += 1

    def shrink(self, share: int) -> None:
        """The oldest lines go, at last the text of its progress."""
        while self.lines and self.size > share:
            self.drop_line()
        if self.progress is not None and self.size > share:
            self.say(replace(self.progress, message=""))


class LiveBoard:
    """By task: what its current run said last."""

    def __init__(self) -> None:
        self._runs: dict[TaskId, _Run] = {}
        self._size = 0

    def progress(self, said: Iterable[LiveProgress], at: Instant) -> list[TaskId]:
        """Those that were taken. What is no finite number is no progress: it could not be written down."""
        touched = []
        for one in said:
            run = self._run(one.task_id, one.allocation_id)
            if run is not None and isfinite(one.done) and isfinite(one.total or 0):
                before = run.size
                run.say(ProgressNow(one.done, one.total, one.message, at))
                self._grown(run.size - before)
                touched.append(one.task_id)
        return touched

    def logs(self, said: Iterable[LiveLog]) -> list[TaskId]:
        touched = []
        for one in said:
            run = self._run(one.task_id, one.allocation_id)
            if run is not None:
                before = run.size
                run.add(one)
                self._grown(run.size - before)
                touched.append(one.task_id)
        return touched

    def _grown(self, by: int) -> None:
        """Whoever has more than its share gives of it, all at once: this looks at every run."""
        self._size += by
        if self._size <= BYTES_KEPT:
            return
        goal = BYTES_KEPT * 7 // 8
        for run in self._runs.values():
            before = run.size
            run.shrink(goal // len(self._runs))
            self._size += run.size - before
            if self._size <= goal:
                return

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
        run = self._runs.pop(task_id, None)
        if run is not None:
            self._size -= run.size

    def _run(self, task_id: TaskId, allocation_id: AllocationId) -> _Run | None:
        run = self._runs.get(task_id)
        if run is None or run.allocation_id < allocation_id:
            if run is None and len(self._runs) >= RUNS_KEPT:
                self.forget(next(iter(self._runs)))
            self.forget(task_id)
            run = self._runs[task_id] = _Run(allocation_id, None, deque(), 0, 0)
        return run if run.allocation_id == allocation_id else None


def _size(line: LiveLog) -> int:
    return LINE_BYTES + len(line.event) + len(line.fields)
