# ruff: noqa: N802  (names of gRPC methods are those of the proto file)
"""`Tasks.CancelMany` of the coordinator that is made of a dict."""

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
        reply = wire.ChangeManyResponse()
        fitting = {task.id for task in self.state.matching(request.filter)}
        for task_id in request.filter.ids:
            item = reply.items.add(id=task_id, result="updated")
            task = self.state.tasks.get(task_id)
            if task is None:
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
                item.task.CopyFrom(self.state.put(task_id, status="cancelled", desired="cancelled"))
            else:
                item.task.CopyFrom(task)
        reply.answer.CopyFrom(self.state.answer())
        return reply
