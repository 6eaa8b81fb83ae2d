"""What happened lately, for watches and waits: changes by revision, bounded; who waits for which task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from coordinator.api.door import Door, Told
from coordinator.model.events import TaskChanged
from coordinator.model.ids import TaskId
from coordinator.model.tasks import Task
from coordinator.replica.effects import Applied, Live, StateReplaced

CHANGES_KEPT = 50_000
BYTES_KEPT = 32 * 1024 * 1024
SPEAKERS_KEPT = 10_000
RECORD_BYTES = 512  # a guess for what a record takes beside its params and state


class Changed(msgspec.Struct, frozen=True, gc=False):
    """One record changed at one revision; `type` is created, updated or removed.

    `old` is the record before it, for filters that it may just have left.
    """

    type: str
    task: Task
    old: Task | None = None


class Group(msgspec.Struct, frozen=True, gc=False):
    """All changes of one revision."""

    revision: int
    changes: tuple[Changed, ...]
    size: int


class Hub:
    """Fed by every applied entry; one per server."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._groups: deque[Group] = deque()
        self._count = 0
        self._bytes = 0
        self.oldest = door.replica.state.revision  # everything after it is kept
        self._tick = asyncio.Event()
        self._waiting: dict[TaskId, set[asyncio.Event]] = {}
        self._spoken: dict[
            TaskId, int
        ] = {}  # when each task said something last, newest at the end
        self.said = 0
        self.watchers = 0  # that are open
        self.resets: dict[tuple[str, ...], int] = {("grpc", "old"): 0, ("grpc", "slow"): 0}
        door.subscribe(self._listen)

    def after(self, revision: int) -> list[Group] | None:
        """Groups after this revision, in order; None if some of them are no longer kept."""
        if revision < self.oldest:
            return None
        found = []
        for group in reversed(self._groups):
            if group.revision <= revision:
                break
            found.append(group)
        return found[::-1]

    @property
    def tick(self) -> asyncio.Event:
        """Set at the next applied entry. Taken before looking, it misses nothing that comes meanwhile."""
        return self._tick

    async def moved(self, timeout_s: float, tick: asyncio.Event | None = None) -> None:
        """Returns at the next applied entry (since `tick` was taken), or when the time is over."""
        tick = tick or self._tick
        try:
            await asyncio.wait_for(tick.wait(), timeout_s)
        except TimeoutError:
            return

    @contextmanager
    def waiting_for(self, task_id: TaskId) -> Iterator[asyncio.Event]:
        """An event that is set whenever this task changes or says something."""
        event = asyncio.Event()
        self._waiting.setdefault(task_id, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[task_id].discard(event)
            if not self._waiting[task_id]:
                del self._waiting[task_id]

    def _listen(self, told: Told) -> None:
        match told:
            case Applied():
                self._applied(told)
            case StateReplaced():
                self._groups.clear()
                self._count = self._bytes = 0
                self.oldest = told.revision
                self._wake(list(self._waiting))
            case Live():
                self._spoke(told.task_ids)
            case _:
                return
        tick, self._tick = self._tick, asyncio.Event()
        tick.set()

    def said_after(self, number: int) -> list[TaskId]:
        """Tasks that showed progress or wrote a log line since, latest first."""
        found = []
        for task_id, when in reversed(self._spoken.items()):
            if when <= number:
                break
            found.append(task_id)
        return found

    def _spoke(self, task_ids: tuple[TaskId, ...]) -> None:
        self.said += 1
        for task_id in task_ids:
            self._spoken.pop(task_id, None)
            self._spoken[task_id] = self.said
        while len(self._spoken) > SPEAKERS_KEPT:
            del self._spoken[next(iter(self._spoken))]
        self._wake(list(task_ids))

    def _applied(self, applied: Applied) -> None:
        changes = [_changed(one) for one in applied.events if isinstance(one, TaskChanged)]
        if not changes:
            return
        merged = _merged(changes)
        size = sum(RECORD_BYTES + len(c.task.params) + len(c.task.state or b"") for c in merged)
        self._groups.append(Group(applied.revision, merged, size))
        self._count += len(merged)
        self._bytes += size
        while self._count > CHANGES_KEPT or self._bytes > BYTES_KEPT:
            gone = self._groups.popleft()
            self._count -= len(gone.changes)
            self._bytes -= gone.size
            self.oldest = gone.revision
        if self._waiting:
            self._wake([change.task.id for change in merged])

    def _wake(self, task_ids: list[TaskId]) -> None:
        for task_id in task_ids:
            for event in self._waiting.get(task_id, ()):
                event.set()


def _changed(event: TaskChanged) -> Changed:
    if event.new is None and event.old is not None:
        return Changed("removed", event.old)
    if event.new is None:
        raise ValueError("a change of nothing into nothing")
    return Changed("created" if event.old is None else "updated", event.new, event.old)


def _merged(changes: list[Changed]) -> tuple[Changed, ...]:
    """One change for each record and revision: the last, but a creation stays one."""
    if len(changes) == 1:
        return (changes[0],)
    last: dict[TaskId, Changed] = {}
    for change in changes:
        before = last.get(change.task.id)
        if before is not None and change.type == "updated":
            change = Changed(before.type, change.task, before.old)
        last[change.task.id] = change
    return tuple(last.values())
