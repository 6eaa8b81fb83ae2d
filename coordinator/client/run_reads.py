"""The calls of a client that read runs: those of one task or of all, live and past, one by name, counts, groups."""

from __future__ import annotations

from collections.abc import AsyncIterator

from coordinator.client import from_wire, methods, replies
from coordinator.client.calls import Caller, Plan
from coordinator.client.errors import NotFound
from coordinator.client.fate_views import FatePage, FateRange
from coordinator.client.requests import ChangeOptions, ReadOptions, RunFilter
from coordinator.client.to_wire import filter_to_wire, read_to_wire
from coordinator.wire.v1 import tasks_pb2 as wire

_READ = ReadOptions()
_ALL = RunFilter()


class RunReads:
    """The part of `Client` that knows runs."""

    def __init__(self, caller: Caller, timeout_s: float) -> None:
        self._caller = caller
        self._timeout_s = timeout_s

    def _plan(
        self, timeout_s: float | None, change: ChangeOptions | None = None, *, stale: bool = False
    ) -> Plan:
        seconds = self._timeout_s if timeout_s is None else timeout_s
        changes = change is not None and not change.dry_run
        return Plan(seconds, change.request_id if change and changes else "", local=stale)

    async def runs(
        self,
        task_id: str = "",
        selection: RunFilter = _ALL,
        *,
        limit: int = 50,
        before_allocation_id: int = 0,
        page_token: str = "",
        read: ReadOptions = _READ,
    ) -> replies.RunPage:
        """One page of runs, newest first: those of one task, which has to exist, or of all; errors in brief.

        A search that takes too long ends with what it has found, and `next_page` says where to go on.
        """
        request = _asked(selection, read)
        request.id, request.limit, request.page_token = task_id, limit, page_token
        request.before_allocation_id = before_allocation_id
        reply = await self._runs(request)
        runs = [from_wire.run_of(run) for run in reply.runs]
        return replies.RunPage(from_wire.answer_of(reply.answer), runs, reply.next_page)

    async def run_pages(
        self, selection: RunFilter = _ALL, *, page_size: int = 1000, read: ReadOptions = _READ
    ) -> AsyncIterator[replies.RunPage]:
        """All pages, one after the other. What exists throughout appears exactly once."""
        token = ""
        while True:
            page = await self.runs("", selection, limit=page_size, page_token=token, read=read)
            yield page
            token = page.next_page
            if not token:
                return

    async def run(
        self,
        task_id: str,
        allocation_id: int,
        *,
        read: ReadOptions = _READ,
        timeout_s: float | None = None,
    ) -> replies.FoundRun:
        """One run with its whole error and result, its node be there or not.

        Raises NotFound `run_not_found`, whose metadata say whether the task exists (`task_exists`), its present
        `current_allocation_id`, and whether its `node` is a member (`node_is_member`).
        """
        request = _asked(_ALL, read)
        request.id, request.allocation_id = task_id, allocation_id
        reply = await self._runs(request, timeout_s)
        if not reply.runs:
            raise NotFound(f"no run {task_id}#{allocation_id}", reason="run_not_found")
        answer = from_wire.answer_of(reply.answer)
        return replies.FoundRun(answer, from_wire.run_of(reply.runs[0]))

    async def fates(
        self,
        task_id: str,
        *,
        limit: int = 100,
        page_token: str = "",
        read: ReadOptions = _READ,
    ) -> FatePage:
        """What became of the fire times of a series: one page, the range that was begun last first. Raises NotFound."""
        request = wire.FatesRequest(
            id=task_id, limit=limit, page_token=page_token, read=read_to_wire(read)
        )
        reply = await self._caller.call(methods.FATES, request, self._plan(None, stale=read.stale))
        fates = [
            FateRange(one.fate, one.reason or None, one.first_at, one.last_at, one.count)
            for one in reply.fates
        ]
        return FatePage(from_wire.answer_of(reply.answer), fates, reply.next_page)

    async def count_runs(
        self,
        selection: RunFilter = _ALL,
        *,
        read: ReadOptions = _READ,
        timeout_s: float | None = None,
    ) -> replies.RunCount:
        """How many runs there are. Raises TimedOut when they cannot be counted in the time given."""
        request = _asked(selection, read)
        request.count_only = True
        reply = await self._runs(request, timeout_s)
        return replies.RunCount(from_wire.answer_of(reply.answer), reply.count)

    async def run_groups(
        self,
        by: str,
        selection: RunFilter = _ALL,
        *,
        read: ReadOptions = _READ,
        timeout_s: float | None = None,
    ) -> replies.RunGroups:
        """Runs counted by `node` or by `parent` of their task, in the order of names."""
        request = _asked(selection, read)
        request.group_by, request.limit = by, 1000
        groups: list[replies.RunGroup] = []
        while True:
            reply = await self._runs(request, timeout_s)
            groups += [replies.RunGroup(g.group, g.runs, dict(g.words)) for g in reply.groups]
            request.page_token = reply.next_page
            if not reply.next_page:
                return replies.RunGroups(from_wire.answer_of(reply.answer), groups)

    async def _runs(
        self, request: wire.RunsRequest, timeout_s: float | None = None
    ) -> wire.RunsResponse:
        plan = self._plan(timeout_s, stale=request.read.stale)
        return await self._caller.call(methods.RUNS, request, plan)


def _asked(selection: RunFilter, read: ReadOptions) -> wire.RunsRequest:
    return wire.RunsRequest(
        filter=filter_to_wire(selection),
        outcomes=selection.outcomes,
        since_at=selection.since_at,
        until_at=selection.until_at,
        read=read_to_wire(read),
    )
