# ruff: noqa: N802  (names of gRPC methods are those of the proto file)
"""`Tasks.CancelMany`, `ChangeMany`, `Ensure` and `RunNow` of the coordinator that is made of a dict."""

from __future__ import annotations

from typing import Any

from coordinator.wire.v1 import tasks_pb2 as wire

OVER = ("succeeded", "failed")


class FakeCancels:
    """A part of its service."""

    state: Any
    enter: Any

    async def CancelMany(self, request: wire.CancelManyRequest, context: Any) -> Any:
        await self.enter("CancelMany", request, context)
        return self._many(request, "cancelled", "cancelled")

    async def ChangeMany(self, request: wire.ChangeManyRequest, context: Any) -> Any:
        await self.enter("ChangeMany", request, context)
        what = request.WhichOneof("what")
        desired = {"pause": "paused"}.get(what or "", "running")
        return self._many(request, "paused" if what == "pause" else "unassigned", desired)

    async def PreviewSchedule(self, request: wire.PreviewScheduleRequest, context: Any) -> Any:
        await self.enter("PreviewSchedule", request, context)
        times = [wire.FireTime(at=60_000, local="1970-01-01T00:01:00+00:00", fate="started")]
        return wire.PreviewScheduleResponse(
            answer=self.state.answer(), reading="every 5m", time_zone="UTC", items=times
        )

    async def Ensure(self, request: wire.EnsureRequest, context: Any) -> Any:
        await self.enter("Ensure", request, context)
        new = request.task
        task = self.state.put(new.id, executor=new.executor, status="assigned")
        return wire.EnsureResponse(answer=self.state.answer(), task=task, result="created")

    async def RunNow(self, request: wire.RunNowRequest, context: Any) -> Any:
        await self.enter("RunNow", request, context)
        task = self.state.put(request.id, status="assigned")
        return wire.ChangeResponse(answer=self.state.answer(), task=task)

    def _many(self, request: Any, status: str, desired: str) -> wire.ChangeManyResponse:
        reply = wire.ChangeManyResponse()
        gone = [one for one in request.filter.ids if one not in self.state.tasks]
        fitting = {task.id for task in self.state.matching(request.filter)}
        for task_id in request.filter.ids:
            item = reply.items.add(id=task_id, result="updated")
            task = self.state.tasks.get(task_id)
            if request.change.all_or_nothing and gone and task is not None:
                item.result = "refused"
                item.error.code, item.error.reason = "FAILED_PRECONDITION", "not_done"
                item.error.message = f"not done: {gone[0]} was refused"
            elif task is None:
                item.result = "not_found"
                item.error.code, item.error.reason = "NOT_FOUND", "task_not_found"
                item.error.message = f"no task {task_id}"
            elif task_id not in fitting and task.status not in OVER:
                item.result, item.error.reason = "skipped", "not_matching"
            elif task.status in OVER:
                item.result = "refused"
                item.error.code, item.error.reason = "FAILED_PRECONDITION", "already_finished"
                item.error.message = f"{task_id} has {task.status}"
            elif not request.change.dry_run:
                item.task.CopyFrom(self.state.put(task_id, status=status, desired=desired))
            else:
                item.task.CopyFrom(task)
        reply.answer.CopyFrom(self.state.answer())
        return reply
