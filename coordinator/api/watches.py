"""`Watch`: first what is there, then every change once and in order, resumable by revision (EX-50)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from coordinator.api.door import Door
from coordinator.api.errors import Rejected, abort, invalid
from coordinator.api.hub import Group, Hub
from coordinator.api.road import Context, Road, loop_time
from coordinator.api.selection import Test, matcher, split
from coordinator.api.translate import task_to_wire
from coordinator.model.ids import TaskId
from coordinator.model.limits import PAGE_MAX
from coordinator.model.tasks import Task
from coordinator.wire.v1 import tasks_pb2 as wire

BOOKMARK_S = 5.0
PAGE = 200
GROUPS_AT_ONCE = 500


class Watches:
    """Served by any member from what it has applied; one that lags waits for the revision named."""

    def __init__(self, door: Door, road: Road, hub: Hub) -> None:
        self._door = door
        self._road = road
        self._hub = hub

    async def watch(
        self, request: wire.WatchRequest, context: Context
    ) -> AsyncIterator[wire.WatchResponse]:
        try:
            if request.filter.running_longer_ms:
                raise invalid("running_longer_ms", "has no meaning in a watch")
            test = matcher(_everything(request.filter), 0)
        except Rejected as rejected:
            await abort(context, rejected)
        revision = request.after_revision
        if not revision:
            revision = self._door.replica.state.revision
            if not request.from_now:
                for message in self._snapshot(matcher(request.filter, 0), revision):
                    yield message
        self._hub.watchers += 1
        try:
            async for message in self._changes(test, revision, progress=request.progress):
                yield message
        finally:
            self._hub.watchers -= 1

    def _snapshot(self, test: Test, revision: int) -> Iterator[wire.WatchResponse]:
        """Pages of what is there, all of one revision: the records are frozen, the list is ours."""
        tasks = [task for task in self._door.replica.state.tasks_by_id() if test(task)]
        pages = list(split(tasks, PAGE))
        for number, page in enumerate(pages, 1):
            yield wire.WatchResponse(
                kind="SNAPSHOT",
                revision=revision,
                changes=[_created(task) for task in page],
                more=number < len(pages),
                answer=self._road.answer(),
            )

    async def _changes(
        self, test: Test, revision: int, *, progress: bool
    ) -> AsyncIterator[wire.WatchResponse]:
        told_at, said = loop_time(), self._hub.said
        while True:
            # All of this at one instant: what comes while a message is on its way is for the next round.
            tick, seen = self._hub.tick, self._door.replica.state.revision
            groups = self._hub.after(revision)
            if groups is None:
                yield self._reset()
                return
            for message in _messages(groups[:GROUPS_AT_ONCE], test):
                told_at = loop_time()
                yield message
            if len(groups) > GROUPS_AT_ONCE:
                revision = groups[GROUPS_AT_ONCE - 1].revision
                continue
            revision = max(revision, seen)
            if progress:
                spoken, said = self._hub.said_after(said), self._hub.said
                live = self._live(spoken, test)
                if live is not None:
                    yield live
            if loop_time() - told_at >= BOOKMARK_S:
                told_at = loop_time()
                yield wire.WatchResponse(kind="BOOKMARK", revision=revision)
            await self._hub.moved(BOOKMARK_S, tick)

    def _reset(self) -> wire.WatchResponse:
        self._hub.resets["grpc", "old"] += 1
        oldest = self._hub.oldest
        return wire.WatchResponse(kind="RESET", reason="compacted", oldest_revision=oldest)

    def _live(self, spoken: list[TaskId], test: Test) -> wire.WatchResponse | None:
        """Progress of runs, the latest of each; no revision, may be thinned out."""
        replica = self._door.replica
        changes = []
        for task_id in spoken:
            task = replica.state.tasks.get(task_id)
            if task is not None and test(task):
                now = replica.live.progress_of(task.id, task.allocation_id)
                changes.append(wire.WatchChange(type="updated", task=task_to_wire(task, now)))
        return wire.WatchResponse(kind="LIVE", changes=changes) if changes else None


def _everything(wanted: wire.Filter) -> wire.Filter:
    """Of a watch, a task that ends is a change like any other."""
    found = wire.Filter()
    found.CopyFrom(wanted)
    if not found.statuses:
        found.include_finished = True
    return found


def _messages(groups: Iterable[Group], test: Test) -> Iterator[wire.WatchResponse]:
    """What the filter means, and what it meant until now: a task that leaves it is told once.

    A revision that is too large for one message comes in several, `more` on all but the last.
    """
    for group in groups:
        meant = {
            change.task.id: change.type
            for change in group.changes
            if test(change.task) or (change.old is not None and test(change.old))
        }
        if not meant:
            continue
        parts = list(split((c.task for c in group.changes if c.task.id in meant), PAGE_MAX))
        for number, part in enumerate(parts, 1):
            changes = [wire.WatchChange(type=meant[t.id], task=task_to_wire(t)) for t in part]
            more = number < len(parts)
            yield wire.WatchResponse(
                kind="CHANGE", revision=group.revision, changes=changes, more=more
            )


def _created(task: Task) -> wire.WatchChange:
    return wire.WatchChange(type="created", task=task_to_wire(task))
