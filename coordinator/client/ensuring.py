"""The calls of a client that are about how tasks should be: ensure them, and look ahead in their timetables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coordinator.client import from_wire, methods, replies
from coordinator.client.requests import ChangeOptions, NewTask, ReadOptions
from coordinator.client.schedules import schedule_to_wire
from coordinator.client.series_from_wire import preview_of
from coordinator.client.task_reads import TaskReads
from coordinator.client.to_wire import change_to_wire, read_to_wire, task_to_wire
from coordinator.wire.v1 import tasks_pb2 as wire

_READ = ReadOptions()


class Ensuring(TaskReads):
    """The part of `Client` for code that declares what it wants, and for whoever checks a timetable."""

    async def ensure(
        self,
        task: NewTask,
        change: ChangeOptions | None = None,
        *,
        overwrite: bool = False,
        revive: bool = False,
        timeout_s: float | None = None,
    ) -> replies.Ensured:
        """The task is there, as asked: created, updated where it differs, or left as it is (TM-22). It needs an id.

        State, history and attempts stay. What an operator or a run has set stays as well and is told under `kept`,
        unless `overwrite`. A finished task is left alone, unless `revive` retries it first.
        """
        change = change or ChangeOptions()
        request = wire.EnsureRequest(
            change=change_to_wire(change),
            task=task_to_wire(task, change.request_id),
            overwrite=overwrite,
            revive=revive,
        )
        reply = await self._caller.call(methods.ENSURE, request, self._plan(timeout_s, change))
        return replies.Ensured(
            from_wire.answer_of(reply.answer),
            from_wire.task_of(reply.task),
            reply.result,
            list(reply.changed),
            list(reply.kept),
            reply.validated,
        )

    async def preview_schedule(
        self,
        task_id: str = "",
        schedule: Mapping[str, Any] | None = None,
        *,
        count: int = 10,
        from_at: int = 0,
        read: ReadOptions = _READ,
        timeout_s: float | None = None,
    ) -> replies.Previewed:
        """The next fire times (at most 1,000) of a task, or of a schedule as `client.schedules` has it, from now or `from_at`.

        With both it is the schedule's, and the warnings know how long the task usually runs. Raises NotFound, Conflict
        `not_recurring`, InvalidRequest `invalid_schedule`.
        """
        request = wire.PreviewScheduleRequest(
            id=task_id, count=count, from_at=from_at, read=read_to_wire(read)
        )
        if schedule is not None:
            request.schedule.CopyFrom(schedule_to_wire(schedule))
        plan = self._plan(timeout_s, stale=read.stale)
        reply = await self._caller.call(methods.PREVIEW_SCHEDULE, request, plan)
        return replies.Previewed(from_wire.answer_of(reply.answer), preview_of(reply))
