"""The `Tasks` service: reads. Linearizable unless the caller asks for a stale one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from typing_extensions import override

from coordinator.api import explaining, selection
from coordinator.api.checks import Schemas
from coordinator.api.door import Door
from coordinator.api.errors import Rejected, abort, from_failure
from coordinator.api.fates import look_at_fates
from coordinator.api.hub import Hub
from coordinator.api.logs import LogStreams
from coordinator.api.previews import asked_fire_times, preview_of
from coordinator.api.road import (
    Context,
    Passed,
    Road,
    abort_passed,
    deadline_of,
    loop_time,
    say_headers,
)
from coordinator.api.run_lists import RunLists
from coordinator.api.translate import task_to_wire
from coordinator.api.waits import Waits
from coordinator.api.watches import Watches
from coordinator.model.ids import TaskId
from coordinator.model.tasks import Task
from coordinator.wire.v1 import tasks_pb2 as wire
from coordinator.wire.v1.tasks_pb2_grpc import TasksServicer

PREFIX = "/ptasks.v1.Tasks/"
MATCHES_SHOWN = 10
STALE_WAIT_S = 5.0

_Answer = TypeVar("_Answer")


class TaskReads(TasksServicer):
    """Everything that changes nothing."""

    def __init__(self, door: Door, road: Road, hub: Hub) -> None:
        self._door = door
        self._road = road
        self._hub = hub
        self._ids = selection.SortedIds()
        self._schemas = Schemas()
        self._waits = Waits(door, road, hub)
        self._watches = Watches(door, road, hub)
        self._logs = LogStreams(door, road, hub)
        self._runs = RunLists(door)

    async def read(
        self,
        context: Context,
        method: str,
        request: Any,
        reply_type: Any,
        look: Callable[[], Awaitable[_Answer]],
    ) -> _Answer:
        """`look` at the state: here if stale will do, else on the leader behind a barrier."""
        if request.read.stale:
            try:
                await say_headers(context)
                await self._come_to(request.read.min_revision, deadline_of(context))
                return await look()
            except Rejected as rejected:
                await abort(context, rejected)

        async def work(left: float) -> _Answer:
            await self._road.barrier(left)
            return await look()

        return await self._road.lead(context, method, request, reply_type, work)

    async def _come_to(self, revision: int, deadline: float) -> None:
        while self._door.replica.state.revision < revision:
            left = deadline - loop_time()
            if left <= 0:
                raise from_failure("timed_out", f"revision {revision} is not here yet")
            await self._hub.moved(left)

    @override
    async def Get(self, request: wire.GetRequest, context: Context) -> wire.GetResponse:
        async def look() -> wire.GetResponse:
            state = self._door.replica.state
            answer = wire.GetResponse(answer=self._road.answer(stale=request.read.stale))
            task = state.tasks.get(TaskId(request.id))
            if task is None and request.prefix:
                ids = self._ids.of(state)
                matches, count = selection.prefix_matches(ids, request.id, MATCHES_SHOWN)
                if count == 1:
                    task = state.tasks[TaskId(matches[0])]
                elif count:
                    answer.matches.extend(matches)
                    answer.match_count = count
                    return answer
            if task is None:
                raise selection.task_not_found(request.id)
            answer.task.CopyFrom(await self._whole(task))
            if request.fire_times:
                now = self._door.replica.now.wall
                answer.fire_times.extend(asked_fire_times(task, now, request.fire_times))
            return answer

        return await self.read(context, PREFIX + "Get", request, wire.GetResponse, look)

    @override
    async def PreviewSchedule(
        self, request: wire.PreviewScheduleRequest, context: Context
    ) -> wire.PreviewScheduleResponse:
        async def look() -> wire.PreviewScheduleResponse:
            replica = self._door.replica
            found = preview_of(request, replica.state, replica.now.wall)
            found.answer.CopyFrom(self._road.answer(stale=request.read.stale))
            return found

        method = PREFIX + "PreviewSchedule"
        return await self.read(context, method, request, wire.PreviewScheduleResponse, look)

    async def _whole(self, task: Task) -> wire.Task:
        """With what only the runs table has: the whole error, a large result."""
        progress = self._door.replica.live.progress_of(task.id, task.allocation_id)
        found = task_to_wire(task, progress)
        last = task.last_outcome
        if last is not None and (last.error_text or last.result is None):
            run = await self._door.run_of(task.id, last.allocation_id)
            if run is not None:
                found.last_outcome.error = run.error or b""
                found.last_outcome.result = run.result or b""
        return found

    @override
    async def List(self, request: wire.ListRequest, context: Context) -> wire.ListResponse:
        async def look() -> wire.ListResponse:
            replica = self._door.replica
            answer = wire.ListResponse(answer=self._road.answer(stale=request.read.stale))
            if request.count_only:
                answer.count = selection.count_of(replica.state, request.filter, replica.now.wall)
                return answer
            page = selection.page_of(replica.state, self._ids, request, replica.now.wall)
            live = replica.live
            answer.tasks.extend(
                task_to_wire(task, live.progress_of(task.id, task.allocation_id))
                for task in page.tasks
            )
            answer.next_page, answer.list_revision = page.next_token, page.list_revision
            return answer

        return await self.read(context, PREFIX + "List", request, wire.ListResponse, look)

    @override
    async def Explain(self, request: wire.ExplainRequest, context: Context) -> wire.ExplainResponse:
        async def look() -> wire.ExplainResponse:
            task = self._door.replica.state.tasks.get(TaskId(request.id))
            if task is None:
                raise selection.task_not_found(request.id)
            answer = explaining.explain(self._door.replica, task)
            answer.answer.CopyFrom(self._road.answer(stale=request.read.stale))
            answer.task.CopyFrom(task_to_wire(task))
            return answer

        return await self.read(context, PREFIX + "Explain", request, wire.ExplainResponse, look)

    @override
    async def Runs(self, request: wire.RunsRequest, context: Context) -> wire.RunsResponse:
        ends_at = deadline_of(context)

        async def look() -> wire.RunsResponse:
            answer = await self._runs.look(request, ends_at)
            answer.answer.CopyFrom(self._road.answer(stale=request.read.stale))
            return answer

        return await self.read(context, PREFIX + "Runs", request, wire.RunsResponse, look)

    @override
    async def Fates(self, request: wire.FatesRequest, context: Context) -> wire.FatesResponse:
        async def look() -> wire.FatesResponse:
            answer = await look_at_fates(self._door, request)
            answer.answer.CopyFrom(self._road.answer(stale=request.read.stale))
            return answer

        return await self.read(context, PREFIX + "Fates", request, wire.FatesResponse, look)

    @override
    async def Wait(self, request: wire.WaitRequest, context: Context) -> wire.WaitResponse:
        async def work(left: float) -> wire.WaitResponse:
            return await self._waits.wait(request, left)

        return await self._road.lead(context, PREFIX + "Wait", request, wire.WaitResponse, work)

    @override
    async def Watch(
        self, request: wire.WatchRequest, context: Context
    ) -> AsyncIterator[wire.WatchResponse]:
        async for message in self._watches.watch(request, context):
            yield message

    @override
    async def Logs(
        self, request: wire.LogsRequest, context: Context
    ) -> AsyncIterator[wire.LogsResponse]:
        try:
            async for message in self._logs.stream(request, context):
                yield message
        except Rejected as rejected:
            await abort(context, rejected)
        except Passed as passed:
            await abort_passed(context, passed)
