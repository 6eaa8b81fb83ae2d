# ruff: noqa: N802  (names of gRPC methods are those of the proto file)
"""The part of the fake coordinator that answers for runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from coordinator.wire.v1 import tasks_pb2 as wire


class FakeCalls:
    """Calls say what they were asked; runs, fates and lines are those that the test put there."""

    state: Any
    enter: Any
    refused: Any

    async def Call(self, request: wire.CallRequest, context: Any) -> Any:
        await self.enter("Call", request, context)
        task = self.state.tasks.get(request.id)
        if task is None:
            await self.not_there(request.id, context)
            return None
        told = json.dumps({"method": request.method, "got": json.loads(request.payload or b"null")})
        return wire.CallResponse(
            answer=self.state.answer(), payload=told.encode(), allocation_id=7, node="n1"
        )

    async def not_there(self, task_id: str, context: Any) -> None:
        from tests.unit.cli.fake_server import not_found

        await self.refused(not_found(task_id), context)

    async def Runs(self, request: wire.RunsRequest, context: Any) -> Any:
        await self.enter("Runs", request, context)
        if request.allocation_id or not request.id:
            return self._every_run(request)
        if request.id not in self.state.tasks:
            await self.not_there(request.id, context)
        runs = self.state.runs[request.id]
        return wire.RunsResponse(answer=self.state.answer(), runs=runs[: request.limit])

    async def Fates(self, request: wire.FatesRequest, context: Any) -> Any:
        await self.enter("Fates", request, context)
        if request.id not in self.state.tasks:
            await self.not_there(request.id, context)
        start, fates = int(request.page_token or 0), self.state.fates
        end = start + request.limit
        token = str(end) if end < len(fates) else ""
        answer = self.state.answer()
        return wire.FatesResponse(answer=answer, fates=fates[start:end], next_page=token)

    def _every_run(self, request: wire.RunsRequest) -> wire.RunsResponse:
        """Pages, one run, a count, groups by node; filters are for the test to look at."""
        runs, answer = self.state.every_run, self.state.answer()
        if request.allocation_id:
            runs = [run for run in runs if run.allocation_id == request.allocation_id]
            return wire.RunsResponse(answer=answer, runs=runs)
        if request.count_only:
            return wire.RunsResponse(answer=answer, count=len(runs))
        if request.group_by:
            groups = [
                wire.RunGroup(group=run.node, runs=1, words={run.outcome or run.status: 1})
                for run in sorted(runs, key=lambda run: run.node)
            ]
            return wire.RunsResponse(answer=answer, groups=groups)
        start = int(request.page_token or 0)
        end = start + request.limit
        token = str(end) if end < len(runs) else ""
        return wire.RunsResponse(answer=answer, runs=runs[start:end], next_page=token)

    async def Logs(self, request: wire.LogsRequest, context: Any) -> AsyncIterator[Any]:
        await self.enter("Logs", request, context)
        lines = self.state.lines[request.id]
        if request.allocation_id:
            lines = self.state.lines.get(f"{request.id}#{request.allocation_id}", lines)
        yield wire.LogsResponse(answer=self.state.answer(), lines=lines, ended=True, dropped=2)
