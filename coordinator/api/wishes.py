"""The `Tasks` service: what callers wish of one task that is there. Handlers translate, check, and hand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from typing_extensions import override

from coordinator.api import checks
from coordinator.api.editing import edit_of, effects, merged
from coordinator.api.errors import Rejected, invalid, too_large
from coordinator.api.reads import PREFIX, TaskReads
from coordinator.api.road import Context, accepted
from coordinator.api.translate import spec_to_wire, task_to_wire
from coordinator.machine.commands import (
    CancelRun,
    CancelTask,
    PauseTask,
    ResumeTask,
    RetryTask,
    UpdateTask,
)
from coordinator.machine.outcome import Accepted, Refusal
from coordinator.model.ids import AllocationId, NodeName, TaskId
from coordinator.model.instants import MINUTE
from coordinator.model.limits import REASON_BYTES_MAX, STATE_BYTES_MAX
from coordinator.model.tasks import Task
from coordinator.replica.inputs import Asked, Move, Wish
from coordinator.wire.v1 import tasks_pb2 as wire

MERGES = 20  # an edit that meets so many others is told to come again
GRACE_MS_MAX = 10 * MINUTE

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
            wish = _cancel_of(request)
            answer = await self._change(wish, request.change, request.SerializeToString(), left)
            if isinstance(wish, CancelRun) and not answer.unchanged:
                answer.effect = "runs_again" if wish.rerun else "cancelled"
            return answer

        return await self._led("Cancel", request, context, work)

    @override
    async def Pause(self, request: wire.PauseRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            if request.running not in ("", "stop", "finish"):
                raise invalid("running", f"must be stop or finish (got {request.running})")
            change = request.change
            finish, until = request.running == "finish", request.until_at
            now = self._door.replica.now.wall
            if until and until <= now:
                raise invalid("until_at", f"is over: {until} is not after {now}")
            wish = PauseTask(TaskId(request.id), finish, change.if_revision, change.reason, until)
            answer = await self._change(wish, change, request.SerializeToString(), left)
            if not answer.unchanged and answer.task.node:
                answer.effect = "finishes" if finish else "stops"
            return answer

        return await self._led("Pause", request, context, work)

    @override
    async def Resume(self, request: wire.ResumeRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            wish = ResumeTask(TaskId(request.id), request.change.if_revision)
            return await self._change(wish, request.change, request.SerializeToString(), left)

        return await self._led("Resume", request, context, work)

    @override
    async def Retry(self, request: wire.RetryRequest, context: Context) -> wire.ChangeResponse:
        async def work(left: float) -> wire.ChangeResponse:
            def wish(task: Task | None) -> RetryTask:
                return RetryTask(
                    TaskId(request.id),
                    request.again,
                    task.edited_revision if task is not None else 0,
                    merged(task, request.params, merge=request.merge_params),
                    if_revision=request.change.if_revision,
                )

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
        | wire.RetryRequest,
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
        asked = (request.params, request.mask, request.set_state, request.restart)
        if not any(asked) and not request.executor_version:
            raise invalid("mask", "nothing is to be changed")
        if len(request.state) > STATE_BYTES_MAX:
            raise too_large("state", STATE_BYTES_MAX, len(request.state))
        answer = await self._edit(
            lambda task: self._checked(edit_of(task, request), task), request, left
        )
        record = self._door.replica.state.tasks.get(TaskId(request.id))
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
            state = self._door.replica.state
            task = state.tasks.get(task_id)
            made = wish(task)
            if task is not None and made.params is not None and made.params != task.params:
                checks.check_params_size(made.params)
                self._schemas.check(state, task.executor, made.params)
            try:
                return await self._change(made, request.change, content, left)
            except Rejected as rejected:
                if rejected.reason != Refusal.CHOICE_STALE or not left_over:
                    raise
        raise AssertionError("the last try returns or raises")

    def _checked(self, edit: UpdateTask, task: Task | None) -> UpdateTask:
        """Bounds of the merged spec, shape of the state (PT-2). Raises Rejected."""
        if edit.spec is not None:
            checks.check_spec(spec_to_wire(edit.spec))
        if edit.state is not None and task is not None:
            self._schemas.check_state(self._door.replica.state, task.executor, edit.state)
        return edit

    async def _change(
        self, wish: Wish, change: wire.Change, content: bytes, left: float
    ) -> wire.ChangeResponse:
        checks.check_request_id(change.request_id)
        if len(change.reason.encode()) > REASON_BYTES_MAX:
            raise too_large("reason", REASON_BYTES_MAX, len(change.reason.encode()))
        hashed = checks.content_hash(content) if change.request_id else 0
        asked = Asked(wish, change.request_id, hashed, change.dry_run)
        reply = await self._road.submit((asked,), left)
        outcome: Accepted = accepted(reply.outcomes[0])
        return self._changed(outcome, reply.records[0])

    def _changed(self, outcome: Accepted, record: Task | None) -> wire.ChangeResponse:
        answer = wire.ChangeResponse(
            answer=self._road.answer(),
            unchanged=outcome.unchanged,
            removed=outcome.removed,
            effect="unchanged" if outcome.unchanged else "now",
            validated="schema_only" if outcome.schema_only else "full",
        )
        if record is not None:
            answer.task.CopyFrom(task_to_wire(record))
        return answer


def _cancel_of(request: wire.CancelRequest) -> CancelTask | CancelRun:
    """Raises Rejected: words that nobody knows, or that do not go together."""
    change, grace = request.change, request.grace_ms if request.HasField("grace_ms") else -1
    if grace > GRACE_MS_MAX:
        raise invalid("grace_ms", f"must be 0 .. {GRACE_MS_MAX} (got {grace})")
    if request.scope not in ("", "task", "run"):
        raise invalid("scope", f"must be task or run (got {request.scope})")
    if request.then not in ("", "rerun"):
        raise invalid("then", f"must be rerun, or nothing (got {request.then})")
    task_id = TaskId(request.id)
    if request.scope == "run":
        if request.purge or request.finished_only:
            raise invalid("purge", "is about the task, not about one run of it")
        number = AllocationId(request.allocation_id)
        return CancelRun(
            task_id, number, bool(request.then), change.if_revision, grace, change.reason
        )
    if request.then or request.allocation_id:
        raise invalid("then", "is about one run: say scope = run")
    return CancelTask(
        task_id, request.purge, request.finished_only, change.if_revision, grace, change.reason
    )
