"""The calls of a client that read tasks: one, a list, why it is where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator

from coordinator.client import from_wire, methods, replies
from coordinator.client.explained_from_wire import explanation_of
from coordinator.client.requests import Filter, ReadOptions
from coordinator.client.run_reads import RunReads
from coordinator.client.series_from_wire import fire_time_of
from coordinator.client.to_wire import filter_to_wire, read_to_wire
from coordinator.wire.v1 import tasks_pb2 as wire

_READ = ReadOptions()


class TaskReads(RunReads):
    """The reading half of `Client`."""

    async def get(
        self,
        task_id: str,
        *,
        prefix: bool = False,
        fire_times: int = 0,
        read: ReadOptions = _READ,
        timeout_s: float | None = None,
    ) -> replies.Found:
        """A task by its id or, with `prefix`, by a unique beginning of it. Raises NotFound.

        `fire_times`: so many of a recurring task's next ones come along, at most 1,000.
        """
        request = wire.GetRequest(
            id=task_id, read=read_to_wire(read), prefix=prefix, fire_times=fire_times
        )
        reply = await self._caller.call(
            methods.GET, request, self._plan(timeout_s, stale=read.stale)
        )
        task = from_wire.task_of(reply.task) if reply.HasField("task") else None
        return replies.Found(
            from_wire.answer_of(reply.answer),
            task,
            list(reply.matches),
            reply.match_count,
            [fire_time_of(one) for one in reply.fire_times],
        )

    async def list(
        self,
        selection: Filter | None = None,
        *,
        page_size: int = 0,
        page_token: str = "",
        count_only: bool = False,
        read: ReadOptions = _READ,
        timeout_s: float | None = None,
    ) -> replies.Page:
        """One page of tasks, ordered by id."""
        request = wire.ListRequest(
            filter=filter_to_wire(selection or Filter()),
            page_size=page_size,
            page_token=page_token,
            read=read_to_wire(read),
            count_only=count_only,
        )
        reply = await self._caller.call(
            methods.LIST, request, self._plan(timeout_s, stale=read.stale)
        )
        return replies.Page(
            from_wire.answer_of(reply.answer),
            [from_wire.task_of(task) for task in reply.tasks],
            reply.next_page,
            reply.list_revision,
            reply.count,
        )

    async def pages(
        self, selection: Filter | None = None, *, page_size: int = 1000, read: ReadOptions = _READ
    ) -> AsyncIterator[replies.Page]:
        """All pages of a list, one after the other."""
        token = ""
        while True:
            page = await self.list(selection, page_size=page_size, page_token=token, read=read)
            yield page
            token = page.next_page
            if not token:
                return

    async def explain(
        self, task_id: str, *, read: ReadOptions = _READ, timeout_s: float | None = None
    ) -> replies.Explained:
        """Why the task is where it is, what each node says, what would help."""
        request = wire.ExplainRequest(id=task_id, read=read_to_wire(read))
        reply = await self._caller.call(
            methods.EXPLAIN, request, self._plan(timeout_s, stale=read.stale)
        )
        task = from_wire.task_of(reply.task) if reply.HasField("task") else None
        return replies.Explained(from_wire.answer_of(reply.answer), task, explanation_of(reply))
