"""Waiting for a list: all that matches at the start is listed once, then one watch tells how each goes on.

One stream, whatever the number of tasks, and it survives the loss of any member. What is created later is not waited
for; a wait is no task, so it is never in its own list, and code that runs as a task names itself in `ignoring`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Protocol

from coordinator.client.conditions import DEFAULT, holds, pinned, said_of
from coordinator.client.errors import TimedOut, Unavailable, WatchReset
from coordinator.client.replies import EndedTask, Page, WaitedMany
from coordinator.client.requests import Condition, Filter, ReadOptions
from coordinator.client.views import Answer, Task
from coordinator.client.watch import Watch, WatchEvent

NAMED_MAX = 1_000  # beyond so many a watch of everything is less than their names
SHOWN = 5

OnTask = Callable[[Task], None]
Until = Callable[[Task], bool]


class Lists(Protocol):
    """What such a wait needs of a client."""

    def pages(
        self, selection: Filter | None = None, *, page_size: int = 1000, read: ReadOptions = ...
    ) -> AsyncIterator[Page]:
        """As `Client.pages`."""
        ...

    def open_watch(self, selection: Filter | None = None) -> Watch:
        """As `Client.open_watch`."""
        ...


class ManyWait:
    """One wait for many tasks. `revision`: what it has seen, for whoever goes on later.

    `until`: when a task is done with; None: when it has ended. `conditions` (any of them) are the same in words, and
    an end is an end whatever was asked, unless what was asked is that the record is gone.
    """

    def __init__(
        self,
        client: Lists,
        *,
        conditions: Sequence[Condition] = (),
        until: Until | None = None,
        on_change: OnTask | None = None,
        on_end: Callable[[EndedTask], None] | None = None,
    ) -> None:
        self._client = client
        self._conditions = tuple(conditions)
        self._until = until
        self._on_change = on_change
        self._on_end = on_end
        self._asked: dict[str, tuple[Condition, ...]] = {}  # of those still waited for
        self._ended: list[EndedTask] = []
        self._answer = Answer()
        self._any_one = False
        self.revision = 0

    @property
    def pending(self) -> tuple[str, ...]:
        """Ids of tasks that are still waited for."""
        return tuple(self._asked)

    async def run(
        self,
        selection: Filter,
        *,
        any_one: bool = False,
        ignoring: Collection[str] = (),
        timeout_s: float | None = None,
    ) -> WaitedMany:
        """Returns when all that matched at the start (`any_one`: one of it) are done with. Raises TimedOut."""
        self._any_one = any_one
        try:
            async with asyncio.timeout(timeout_s):
                await self._list(selection, frozenset(ignoring))
                while not self._is_over():
                    await self._follow()
        except TimeoutError:
            raise self._too_late(timeout_s) from None
        return WaitedMany(self._answer, self._ended, list(self._asked))

    def _is_over(self) -> bool:
        return not self._asked or (self._any_one and bool(self._ended))

    def _too_late(self, timeout_s: float | None) -> TimedOut:
        left = ", ".join(self.pending[:SHOWN])
        more = len(self._asked) - SHOWN
        left += f" and {more} more" if more > 0 else ""
        return TimedOut(f"not within {timeout_s} s: {left or 'the list'}", reason="timed_out")

    async def _list(self, selection: Filter, ignoring: frozenset[str]) -> None:
        begin = 0
        async for page in self._client.pages(selection):
            begin = begin or page.list_revision
            self._answer = self._answer if self._answer.member else page.answer
            for task in page.tasks:
                if task.created_revision <= begin and task.id not in ignoring:
                    asked = tuple(self._conditions) or (DEFAULT,)
                    self._asked[task.id] = pinned(said_of(asked, task), task)
                    self._see(task)
        self.revision = begin

    async def _follow(self) -> None:
        """One watch, to the end of the wait or of what the server keeps."""
        names = tuple(self._asked) if len(self._asked) <= NAMED_MAX else ()
        watch = self._client.open_watch(Filter(ids=names, include_finished=True))
        try:
            async for event in watch.events(self.revision):
                self._take(event)
                self.revision = watch.revision or self.revision
                if self._is_over():
                    return
        except WatchReset:
            await self._look_again()
        except Unavailable:
            return  # the list was answered, so it comes back: for as long as the caller waits

    def _take(self, event: WatchEvent) -> None:
        for change in event.changes:
            if change.task.id in self._asked:
                self._see(change.task, gone=change.type == "removed")

    async def _look_again(self) -> None:
        """What came about in between is no longer told: only how things stand now."""
        names = list(self._asked)
        seen: list[int] = []
        for first in range(0, len(names), NAMED_MAX):
            part = names[first : first + NAMED_MAX]
            found: set[str] = set()
            async for page in self._client.pages(Filter(ids=part, include_finished=True)):
                seen.append(page.list_revision)
                for task in page.tasks:
                    found.add(task.id)
                    self._see(task)
            for name in part:
                if name not in found:
                    self._end(EndedTask(name, "gone", None, met=self._wants_gone))
        self.revision = min(seen)

    def _see(self, task: Task, *, gone: bool = False) -> None:
        if self._on_change is not None and not gone:
            self._on_change(task)
        if gone:
            self._end(EndedTask(task.id, "gone", task, met=self._wants_gone))
            return
        met = self._is_met(task)
        if met or (task.is_finished and not self._wants_gone):
            self._end(EndedTask(task.id, task.status, task, met=met))

    def _is_met(self, task: Task) -> bool:
        if self._until is not None:
            return self._until(task)
        return any(holds(one, task) for one in self._asked[task.id])

    @property
    def _wants_gone(self) -> bool:
        return any(one.kind == "gone" for one in self._conditions)

    def _end(self, ended: EndedTask) -> None:
        if self._asked.pop(ended.id, None) is None:
            return
        self._ended.append(ended)
        if self._on_end is not None:
            self._on_end(ended)
