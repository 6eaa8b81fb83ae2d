"""The `Tasks` service: what callers wish of one task that is there. Handlers translate, check, and hand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from typing_extensions import override

from coordinator.api import checks
from coordinator.api.askers import asker_of
from coordinator.api.creates import validated
from coordinator.api.editing import check_due, edit_of, effects
from coordinator.api.errors import Rejected, invalid, too_large
from coordinator.api.explaining import explain
from coordinator.api.reads import PREFIX, TaskReads
from coordinator.api.road import Context, accepted
from coordinator.api.schedules import FIRE_TIMES, check_schedule, fire_times_after
from coordinator.api.translate import spec_to_wire, task_to_wire
from coordinator.api.wish_words import (
    cancel_of,
    check_pause,
    check_run_now,
    pause_of,
    resume_of,
    retry_of,
    run_now_effect,
    run_now_notes,
    run_now_of,
)
from coordinator.machine.commands import CancelRun, RetryTask, UpdateTask
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model.ids import NodeName, TaskId
from coordinator.model.limits import REASON_BYTES_MAX, STATE_BYTES_MAX
from coordinator.model.tasks import Code, Status, Task
from coordinator.replica.inputs import Asked, Move, Wish
from coordinator.wire.v1 import tasks_pb2 as wire

MERGES = 20  # an edit that meets so many others is told to come again

Edit = TypeVar("Edit", UpdateTask, RetryTask)
Work = Callable[[float], Awaitable[wire.ChangeResponse]]


class TaskWishes(TaskReads):
    """Changes of one task, on top of the reads."""

    @override
    async def Update(self, request: wire.UpdateRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            if request.move:
                return await self._move(request, left)
            return await self._update(request, left)

        return await self._led("Update", request, context, work)

    @override
    async def Cancel(self, request: wire.CancelRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            wish = cancel_of(request)
            answer = await self._change(wish, request.change, request.SerializeToString(), left)
            if isinstance(wish, CancelRun) and not answer.unchanged:
                answer.effect = "runs_again" if wish.rerun else "cancelled"
            return answer

        return await self._led("Cancel", request, context, work)

    @override
    async def Pause(self, request: wire.PauseRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            check_pause(request, self._door.replica.now.wall)
            change, task = request.change, self._record(request.id)
            wish = pause_of(request, change, request.id, task)
            answer = await self._change(wish, change, request.SerializeToString(), left)
            if not answer.unchanged and (answer.task.node or (change.dry_run and _has_node(task))):
                answer.effect = "finishes" if wish.finish else "stops"
            return answer

        return await self._led("Pause", request, context, work)

    @override
    async def Resume(self, request: wire.ResumeRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            wish = resume_of(request, request.change, request.id)
            return await self._change(wish, request.change, request.SerializeToString(), left)

        return await self._led("Resume", request, context, work)

    @override
    async def RunNow(self, request: wire.RunNowRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            check_run_now(request)
            replica, before = self._door.replica, self._record(request.id)
            wish = run_now_of(request, request.change, request.id, replica.state)
            answer = await self._change(wish, request.change, request.SerializeToString(), left)
            if not answer.unchanged:
                answer.effect = run_now_effect(request, before)
            answer.notes.extend(run_now_notes(before, replica.now.wall))
            answer.notes.extend(self._no_place(request))
            return answer

        return await self._led("RunNow", request, context, work)

    @override
    async def Retry(self, request: wire.RetryRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            def wish(task: Task | None) -> RetryTask:
                made = retry_of(request, request.change, request.id, task)
                return self.checked_params(made, task)

            return await self._edit(wish, request, left)

        return await self._led("Retry", request, context, work)

    # -- the work -----------------------------------------------------------------------------------

    async def _led(
        self,
        name: str,
        request: wire.UpdateRequest
        | wire.CancelRequest
        | wire.PauseRequest
        | wire.ResumeRequest
        | wire.RetryRequest
        | wire.RunNowRequest,
        context: Context,
        work: Work,
    ) -> wire.ChangeResponse:
        return await self._road.lead(context, PREFIX + name, request, wire.ChangeResponse, work)

    async def _move(self, request: wire.UpdateRequest, left: float) -> wire.ChangeResponse:
        others = (request.params, request.mask, request.set_state, request.restart)
        if any(others) or request.executor_version:
            raise invalid("move", "goes alone: move first, then update")
        avoid = tuple(NodeName(name) for name in request.avoid)
        change = request.change
        wish = Move(TaskId(request.id), avoid, change.if_revision, change.reason)
        return await self._change(wish, change, request.SerializeToString(), left)

    async def _update(self, request: wire.UpdateRequest, left: float) -> wire.ChangeResponse:
        self.check_update(request)
        answer = await self._edit(
            lambda task: self.checked_update(edit_of(task, request), task), request, left
        )
        record = self._record(request.id)
        if request.change.dry_run and "schedule" in request.mask and record is not None:
            answer.fire_times.extend(self._times_after(record, request))
        now, later = effects(request, record)
        answer.now.extend(now)
        answer.next_run.extend(later)
        if later and not answer.unchanged:
            answer.effect = "next_run"
        return answer

    async def _edit(
        self,
        wish: Callable[[Task | None], UpdateTask | RetryTask],
        request: wire.UpdateRequest | wire.RetryRequest,
        left: float,
    ) -> wire.ChangeResponse:
        """Merged into the record as it is; after somebody else's edit in between, once more."""
        task_id, content = TaskId(request.id), request.SerializeToString()
        for left_over in reversed(range(MERGES)):
            task = self._record(task_id)
            made = wish(task)
            try:
                return await self._change(made, request.change, content, left)
            except Rejected as rejected:
                if rejected.reason != Refusal.CHOICE_STALE or not left_over:
                    raise
        raise AssertionError("the last try returns or raises")

    # -- what is looked at before ---------------------------------------------------------------------

    def check_update(self, request: wire.UpdateRequest) -> None:
        """That something is to be changed, and can be. Raises Rejected."""
        asked = (request.params, request.mask, request.set_state, request.restart)
        if not any(asked) and not request.executor_version:
            raise invalid("mask", "nothing is to be changed")
        if len(request.state) > STATE_BYTES_MAX:
            raise too_large("state", STATE_BYTES_MAX, len(request.state))

    def checked_update(self, edit: UpdateTask, task: Task | None) -> UpdateTask:
        """Bounds of the merged spec, shape of the state (PT-2), a timetable that is new, a due time, params. Raises Rejected."""
        spec = edit.spec
        if spec is not None:
            checks.check_spec(spec_to_wire(spec))
            if task is not None:
                check_due(task, spec)
            if task is None or spec.schedule != task.spec.schedule:
                check_schedule(spec, self._door.replica.now.wall)
        if edit.state is not None and task is not None:
            self._schemas.check_state(self._door.replica.state, task.executor, edit.state)
        return self.checked_params(edit, task)

    def checked_params(self, edit: Edit, task: Task | None) -> Edit:
        """As it is; new params, or those of another version, fit the schema. Raises Rejected."""
        if task is None or edit.params is None:
            return edit
        version = edit.executor_version
        if edit.params != task.params or version not in (0, task.executor_version):
            checks.check_params_size(edit.params)
            self._schemas.check(self._door.replica.state, task.executor, edit.params, version)
        return edit

    def _times_after(self, task: Task, request: wire.UpdateRequest) -> list[wire.FireTime]:
        """The fire times that the task would have with the schedule of this edit."""
        edit = edit_of(task, request)
        schedule = edit.spec.schedule if edit.spec is not None else None
        now = self._door.replica.now.wall
        return [] if schedule is None else fire_times_after(task, schedule, now, FIRE_TIMES)

    def _no_place(self, request: wire.RunNowRequest) -> list[str]:
        """Why a manual run does not begin at once, where that is so (TM-29)."""
        task = self._record(request.id)
        if task is None or request.change.dry_run or task.status is not Status.UNASSIGNED:
            return []
        told = explain(self._door.replica, task)
        if told.would_choose or told.code == Code.AWAITING_FIRST_ASSIGNMENT:
            return []
        return [f"no place for it now: {told.code}{f': {told.text}' if told.text else ''}"]

    def _record(self, task_id: str) -> Task | None:
        return self._door.replica.state.tasks.get(TaskId(task_id))

    async def _change(
        self, wish: Wish, change: wire.Change, content: bytes, left: float
    ) -> wire.ChangeResponse:
        checks.check_request_id(change.request_id)
        if len(change.reason.encode()) > REASON_BYTES_MAX:
            raise too_large("reason", REASON_BYTES_MAX, len(change.reason.encode()))
        hashed = checks.content_hash(content) if change.request_id else 0
        asked = Asked(wish, change.request_id, hashed, change.dry_run, asker_of(change))
        reply = await self._road.submit((asked,), left)
        outcome: Accepted = accepted(reply.outcomes[0])
        return self._changed(outcome, reply.records[0])

    def _changed(self, outcome: Accepted, record: Task | None) -> wire.ChangeResponse:
        answer = wire.ChangeResponse(
            answer=self._road.answer(),
            unchanged=outcome.unchanged,
            removed=outcome.removed,
            effect="unchanged" if outcome.unchanged else "now",
            validated=validated(outcome),
        )
        if record is not None:
            answer.task.CopyFrom(task_to_wire(record))
        return answer


def _has_node(task: Task | None) -> bool:
    return task is not None and task.has_node
