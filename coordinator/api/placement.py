"""Calls of the `Cluster` service about where tasks go: limits, rebalancing, capacity."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from typing_extensions import override

from coordinator.api.askers import OPERATOR
from coordinator.api.capacities import capacity
from coordinator.api.changing import submit_change
from coordinator.api.errors import Rejected, abort, invalid
from coordinator.api.limit_views import limit_views
from coordinator.api.road import Context
from coordinator.api.state_reads import StateReads
from coordinator.machine.commands import PauseExecutor, RemoveLimit, ResumeExecutor, SetLimit
from coordinator.wire.v1 import cluster_pb2 as wire

PREFIX = "/ptasks.v1.Cluster/"
RUNNING = ("finish", "stop")

_Answer = TypeVar("_Answer")


class PlacementService(StateReads):
    """Its part of `ptasks.v1.Cluster`, and how all of it reads and changes."""

    @override
    async def ListLimits(
        self, request: wire.ListLimitsRequest, context: Context
    ) -> wire.ListLimitsResponse:
        async def look() -> wire.ListLimitsResponse:
            answer = self._road.answer(stale=request.read.stale)
            found = limit_views(self._door.replica.state)
            return wire.ListLimitsResponse(answer=answer, limits=found)

        return await self._read(context, "ListLimits", request, wire.ListLimitsResponse, look)

    @override
    async def SetLimit(self, request: wire.SetLimitRequest, context: Context) -> wire.LimitResponse:
        async def work(left: float) -> wire.LimitResponse:
            scope = request.scope or "cluster"
            command = SetLimit(scope, request.key, request.max, OPERATOR)
            done = await submit_change(self._road, command, request, left)
            return wire.LimitResponse(answer=self._road.answer(), unchanged=done.unchanged)

        return await self._lead(context, "SetLimit", request, wire.LimitResponse, work)

    @override
    async def RemoveLimit(
        self, request: wire.RemoveLimitRequest, context: Context
    ) -> wire.LimitResponse:
        async def work(left: float) -> wire.LimitResponse:
            command = RemoveLimit(request.scope or "cluster", request.key)
            done = await submit_change(self._road, command, request, left)
            return wire.LimitResponse(answer=self._road.answer(), unchanged=done.unchanged)

        return await self._lead(context, "RemoveLimit", request, wire.LimitResponse, work)

    @override
    async def PauseExecutor(
        self, request: wire.PauseExecutorRequest, context: Context
    ) -> wire.ExecutorPauseResponse:
        async def work(left: float) -> wire.ExecutorPauseResponse:
            name, running = _named(request), request.running or "finish"
            if running not in RUNNING:
                raise invalid("running", f"must be one of {', '.join(RUNNING)} (got {running})")
            reason = request.change.reason
            command = PauseExecutor(name, reason, OPERATOR, stop=running == "stop")
            done = await submit_change(self._road, command, request, left)
            return wire.ExecutorPauseResponse(answer=self._road.answer(), unchanged=done.unchanged)

        return await self._lead(context, "PauseExecutor", request, wire.ExecutorPauseResponse, work)

    @override
    async def ResumeExecutor(
        self, request: wire.ResumeExecutorRequest, context: Context
    ) -> wire.ExecutorPauseResponse:
        async def work(left: float) -> wire.ExecutorPauseResponse:
            command = ResumeExecutor(_named(request), OPERATOR)
            done = await submit_change(self._road, command, request, left)
            return wire.ExecutorPauseResponse(
                answer=self._road.answer(), unchanged=done.unchanged, cleared=done.cleared
            )

        return await self._lead(
            context, "ResumeExecutor", request, wire.ExecutorPauseResponse, work
        )

    @override
    async def Rebalance(
        self, request: wire.RebalanceRequest, context: Context
    ) -> wire.RebalanceResponse:
        async def work(left: float) -> wire.RebalanceResponse:
            await self._road.barrier(left)
            answer = wire.RebalanceResponse(answer=self._road.answer())
            leading = self._door.replica.leading
            if leading is not None:
                view, now = leading.bench.view, leading.bench.now
                answer.held_back = leading.rebalancer.held_back(view, now)
                for move in leading.rebalancer.moves(view, now):
                    answer.moves.add(task=move.task.id, source=move.source, target=move.target)
                if not answer.moves and not answer.held_back:
                    answer.held_back = leading.rebalancer.why_none(view, now)
            return answer

        return await self._lead(context, "Rebalance", request, wire.RebalanceResponse, work)

    @override
    async def Capacity(
        self, request: wire.CapacityRequest, context: Context
    ) -> wire.CapacityResponse:
        async def work(left: float) -> wire.CapacityResponse:
            await self._road.barrier(left)
            return capacity(self._door, self._road, request)

        return await self._lead(context, "Capacity", request, wire.CapacityResponse, work)

    # -- the work -----------------------------------------------------------------------------------

    async def _lead(
        self,
        context: Context,
        name: str,
        request: Any,
        reply_type: Any,
        work: Callable[[float], Awaitable[_Answer]],
    ) -> _Answer:
        return await self._road.lead(context, PREFIX + name, request, reply_type, work)

    async def _read(
        self,
        context: Context,
        name: str,
        request: Any,
        reply_type: Any,
        look: Callable[[], Awaitable[_Answer]],
    ) -> _Answer:
        if request.read.stale:
            try:
                return await look()
            except Rejected as rejected:
                await abort(context, rejected)

        async def work(left: float) -> _Answer:
            await self._road.barrier(left)
            return await look()

        return await self._lead(context, name, request, reply_type, work)


def _named(request: wire.PauseExecutorRequest | wire.ResumeExecutorRequest) -> str:
    """The executor, or nothing where everything is meant. Raises Rejected."""
    if bool(request.name) == request.all:
        raise invalid("name", "give the name of an executor, or all")
    return request.name
