"""`Logs`: what is kept of a run's log and, with `follow`, what it goes on to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import grpc.aio
import msgspec

from coordinator.api.door import Door, StoredRun
from coordinator.api.errors import Code, Rejected, from_failure, invalid
from coordinator.api.hub import Hub
from coordinator.api.road import FORWARDED_KEY, Context, Passed, Road
from coordinator.model.ids import AllocationId, TaskId
from coordinator.wire.v1 import tasks_pb2 as wire

LEVELS = ("debug", "info", "warning", "error")
METHOD = "/ptasks.v1.Tasks/Logs"
FOLLOW_CHECK_S = 1.0


class LogStreams:
    """Finished runs from the table of any member; runs in progress from the leader's memory."""

    def __init__(self, door: Door, road: Road, hub: Hub) -> None:
        self._door = door
        self._road = road
        self._hub = hub

    async def stream(
        self, request: wire.LogsRequest, context: Context
    ) -> AsyncIterator[wire.LogsResponse]:
        """Raises Rejected, and Passed with what the leader answered instead."""
        if request.level and request.level not in LEVELS:
            raise invalid("level", f"must be one of {', '.join(LEVELS)} (got {request.level})")
        channel = None if request.read.stale else await self._road.leader_for_stream(context)
        told = self._here(request) if channel is None else _passed_on(channel, request)
        async with aclosing(told):
            async for message in told:
                yield message

    async def _here(self, request: wire.LogsRequest) -> AsyncGenerator[wire.LogsResponse, None]:
        task_id, allocation_id = await self._which(request)
        told = 0
        with self._hub.waiting_for(task_id) as event:
            while True:
                event.clear()
                running = self._is_running(task_id, allocation_id)
                lines, dropped = await self._lines(task_id, allocation_id, running=running)
                fresh = _chosen(lines[max(0, told - dropped) :], request)
                told = dropped + len(lines)
                over = not running or not request.follow
                yield wire.LogsResponse(
                    answer=self._road.answer(), lines=fresh, dropped=dropped, ended=over
                )
                if over:
                    return
                await self._news(event)

    async def _news(self, event: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(event.wait(), FOLLOW_CHECK_S)
        except TimeoutError:
            if not self._door.replica.raft.is_leader:
                raise from_failure("not_leader", "leadership moved") from None

    async def _which(self, request: wire.LogsRequest) -> tuple[TaskId, AllocationId]:
        """The run asked for, else the current one, else the last."""
        task_id = TaskId(request.id)
        if request.allocation_id:
            return task_id, AllocationId(request.allocation_id)
        task = self._door.replica.state.tasks.get(task_id)
        if task is not None and task.has_node:
            return task_id, task.allocation_id
        if task is not None and task.last_outcome is not None:
            return task_id, task.last_outcome.allocation_id
        rows = await self._door.runs_of(task_id, 1, 0)
        if rows:
            return task_id, AllocationId(rows[0].allocation_id)
        if task is None:
            raise Rejected(Code.NOT_FOUND, "task_not_found", f"there is no task {task_id}")
        raise Rejected(Code.NOT_FOUND, "run_not_found", f"{task_id} has not run yet")

    def _is_running(self, task_id: TaskId, allocation_id: AllocationId) -> bool:
        task = self._door.replica.state.tasks.get(task_id)
        return task is not None and task.has_node and task.allocation_id == allocation_id

    async def _lines(
        self, task_id: TaskId, allocation_id: AllocationId, *, running: bool
    ) -> tuple[list[wire.LogLine], int]:
        if running:
            live, dropped = self._door.replica.live.lines_of(task_id, allocation_id)
            return [
                wire.LogLine(
                    at=x.at, level=x.level, event=x.event, fields=x.fields,
                    allocation_id=allocation_id,
                )
                for x in live
            ], dropped  # fmt: skip
        run = await self._door.run_of(task_id, allocation_id)
        if run is None:
            raise Rejected(
                Code.NOT_FOUND, "run_not_found", f"there is no run {task_id}#{allocation_id}"
            )
        kept = stored_lines(run)
        return kept, max(0, sum(run.log_counts or ()) - len(kept))


async def _passed_on(
    channel: grpc.aio.Channel, request: wire.LogsRequest
) -> AsyncGenerator[wire.LogsResponse, None]:
    """What the leader says, word for word, its refusal as well."""
    call: Any = channel.unary_stream(
        METHOD, lambda message: message.SerializeToString(), wire.LogsResponse.FromString
    )
    told = call(request, metadata=((FORWARDED_KEY, "1"),))
    try:
        async for message in told:
            yield message
    except grpc.aio.AioRpcError as error:
        raise Passed(error) from error
    finally:
        told.cancel()


def stored_lines(run: StoredRun) -> list[wire.LogLine]:
    """The kept log: a JSON object per line with at, level, event, fields."""
    found = []
    for raw in (run.logs or b"").splitlines():
        try:
            said: dict[str, Any] = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            continue
        found.append(
            wire.LogLine(
                at=int(said.get("at") or 0),
                level=str(said.get("level", "info")),
                event=str(said.get("event", "")),
                fields=msgspec.json.encode(said.get("fields") or {}),
                allocation_id=run.allocation_id,
            )
        )
    return found


def _chosen(lines: Iterable[wire.LogLine], request: wire.LogsRequest) -> list[wire.LogLine]:
    low = LEVELS.index(request.level) if request.level else 0
    return [
        line
        for line in lines
        if line.at >= request.since_at
        and (line.level not in LEVELS or LEVELS.index(line.level) >= low)
    ]
